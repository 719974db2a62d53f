//! What is allowed: [`Grant`].

/// Actions on resources, under conditions. All of it is checked when the boundary is built.
///
/// ```
/// use keytide_aws_policy::Grant;
///
/// let read = Grant::of(["s3:GetObject"]).on(["arn:aws:s3:::invoices/2026/*"]);
/// let list = Grant::of(["s3:ListBucket"])
///     .on(["arn:aws:s3:::invoices"])
///     .when("StringLike", "s3:prefix", ["2026/*"]);
/// # let _ = (read, list);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Grant {
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) any_resource: bool,
    pub(super) conditions: Vec<Condition>,
}

/// One test of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Condition {
    pub(super) operator: String,
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

impl Grant {
    /// These actions: `service:Name`, with `*` and `?` in the name. On nothing yet: say where with [`on`](Self::on) or
    /// [`any_resource`](Self::any_resource).
    pub fn of<A: Into<String>>(actions: impl IntoIterator<Item = A>) -> Self {
        Self {
            actions: actions.into_iter().map(Into::into).collect(),
            resources: Vec::new(),
            any_resource: false,
            conditions: Vec::new(),
        }
    }

    /// On these resources too: ARNs, with wildcards in region, account and the resource itself.
    pub fn on<R: Into<String>>(mut self, resources: impl IntoIterator<Item = R>) -> Self {
        self.resources.extend(resources.into_iter().map(Into::into));
        self
    }

    /// On any resource: for actions that take none, such as `cloudwatch:PutMetricData`.
    pub fn any_resource(mut self) -> Self {
        self.any_resource = true;
        self
    }

    /// Only where this holds: an operator of IAM (`StringEquals`, `ForAnyValue:StringLike`, …), a condition key, and the
    /// values of which one must match. Several conditions must all hold.
    pub fn when<V: Into<String>>(
        mut self,
        operator: impl Into<String>,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.conditions.push(Condition {
            operator: operator.into(),
            key: key.into(),
            values: values.into_iter().map(Into::into).collect(),
        });
        self
    }
}
