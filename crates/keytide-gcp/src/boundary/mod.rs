//! What a token may at most be used for: [`AccessBoundary`] and [`BoundaryRule`].

use keytide_core::Error;
use serde_json::{Value, json};

/// A Credential Access Boundary: what a [`Downscoped`](crate::Downscoped) token may at most do. Cloud Storage only.
///
/// The documented limits are checked before anything is sent: 1 to 10 rules, predefined or custom roles, buckets only, and
/// conditions of at most 2,048 characters (a prefix stands in its condition twice, with 150 characters around it).
///
/// ```
/// use keytide_gcp::{AccessBoundary, BoundaryRule};
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let boundary = AccessBoundary::new([
///     BoundaryRule::bucket("invoices").role("roles/storage.objectViewer").objects_under("2026/"),
///     BoundaryRule::bucket("reports").role("roles/storage.objectCreator"),
/// ])?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AccessBoundary {
    rules: Vec<BoundaryRule>,
}

/// Roles on one bucket, or on some of its objects.
#[derive(Debug, Clone)]
#[must_use]
pub struct BoundaryRule {
    bucket: String,
    roles: Vec<String>,
    prefix: Option<String>,
    condition: Option<String>,
    title: Option<String>,
    description: Option<String>,
}

impl AccessBoundary {
    /// A boundary of these rules: what one of them allows is allowed.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when there is no rule or more than 10, when a rule has no
    /// role, when a bucket, a role, a prefix or a condition is none, or when a condition is over 2,048 characters.
    pub fn new(rules: impl IntoIterator<Item = BoundaryRule>) -> Result<Self, Error> {
        let rules: Vec<_> = rules.into_iter().collect();
        if rules.is_empty() || rules.len() > MOST_RULES {
            return Err(Error::misconfigured(format!(
                "an access boundary has 1 to {MOST_RULES} rules, not {}",
                rules.len()
            )));
        }
        for rule in &rules {
            rule.check()?;
        }
        Ok(Self { rules })
    }

    /// As the options of an exchange have it.
    pub(crate) fn options(&self) -> Value {
        let rules: Vec<_> = self.rules.iter().map(BoundaryRule::written).collect();
        json!({ "accessBoundary": { "accessBoundaryRules": rules } })
    }
}

impl BoundaryRule {
    /// A rule for this bucket, by its name alone.
    pub fn bucket(name: impl Into<String>) -> Self {
        Self {
            bucket: name.into(),
            roles: Vec::new(),
            prefix: None,
            condition: None,
            title: None,
            description: None,
        }
    }

    /// Allows at most what this role allows: `roles/storage.objectViewer`, or a custom role by its full name. May be called
    /// again.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Only objects whose names begin so, to read or write them and to list them. Defaults to all objects of the bucket.
    ///
    /// The prefix is written into an expression, and quoted: nothing in it can end the quotation.
    pub fn objects_under(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// A condition in the Common Expression Language, for what [`objects_under`](Self::objects_under) cannot say. It is
    /// taken as it is: never build it from what others say. Defaults to none.
    pub fn condition(mut self, expression: impl Into<String>) -> Self {
        self.condition = Some(expression.into());
        self
    }

    /// A title for the condition, for people. Defaults to none.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// A description of the condition, for people. Defaults to none.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::misconfigured(what));
        if !is_bucket(&self.bucket) {
            return wrong(format!("{:?} is no name of a bucket", self.bucket));
        }
        if self.roles.is_empty() {
            return wrong(format!(
                "the rule for the bucket {} allows no role",
                self.bucket
            ));
        }
        if let Some(role) = self.roles.iter().find(|role| !is_role(role)) {
            return wrong(format!(
                "{role:?} is no role: write roles/NAME, projects/PROJECT/roles/NAME or organizations/NUMBER/roles/NAME"
            ));
        }
        if self.prefix.is_some() && self.condition.is_some() {
            return wrong(format!(
                "the rule for the bucket {} has a prefix and a condition: write the prefix into the condition",
                self.bucket
            ));
        }
        let expression = self.prefix.as_ref().or(self.condition.as_ref());
        if let Some(expression) = expression
            && (expression.is_empty() || expression.chars().any(char::is_control))
        {
            return wrong(format!(
                "the prefix or the condition of the rule for the bucket {} is empty, or holds control characters",
                self.bucket
            ));
        }
        let length = self.expression().map_or(0, |text| text.chars().count());
        if length > LONGEST_CONDITION {
            let what = match self.prefix {
                Some(_) => "prefix, written out as a condition,",
                None => "condition",
            };
            return wrong(format!(
                "the {what} of the rule for the bucket {} has {length} characters, and Google takes {LONGEST_CONDITION}",
                self.bucket
            ));
        }
        if expression.is_none() && (self.title.is_some() || self.description.is_some()) {
            return wrong(format!(
                "the rule for the bucket {} has a title or a description, and no condition that it is of",
                self.bucket
            ));
        }
        Ok(())
    }

    fn expression(&self) -> Option<String> {
        let Some(prefix) = &self.prefix else {
            return self.condition.clone();
        };
        let bucket = &self.bucket;
        let name = quoted(&format!("projects/_/buckets/{bucket}/objects/{prefix}"));
        let listed = quoted(prefix);
        Some(format!(
            "resource.name.startsWith({name}) || \
             api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith({listed})"
        ))
    }

    fn written(&self) -> Value {
        let permissions: Vec<_> = self
            .roles
            .iter()
            .map(|role| format!("inRole:{role}"))
            .collect();
        let mut rule = json!({
            "availableResource": format!("//storage.googleapis.com/projects/_/buckets/{}", self.bucket),
            "availablePermissions": permissions,
        });
        if let Some(expression) = self.expression() {
            let mut condition = json!({ "expression": expression });
            for (name, text) in [("title", &self.title), ("description", &self.description)] {
                if let Some(text) = text {
                    condition[name] = text.as_str().into();
                }
            }
            rule["availabilityCondition"] = condition;
        }
        rule
    }
}

/// A string of the Common Expression Language.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// 3 to 222 bytes: the rules of Cloud Storage, dotted names included.
fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(plain) && name.bytes().last().is_some_and(plain);
    (3..=222).contains(&name.len())
        && ends
        && name
            .bytes()
            .all(|byte| plain(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_role(role: &str) -> bool {
    let is_word = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':')
            })
    };
    let parts: Vec<_> = role.split('/').collect();
    match parts.as_slice() {
        ["roles", name] => is_word(name),
        ["projects" | "organizations", owner, "roles", name] => is_word(owner) && is_word(name),
        _ => false,
    }
}

/// As Google documents it.
const MOST_RULES: usize = 10;
/// Characters of an expression: "AccessBoundary", reference of the Security Token Service API (27 November 2026).
const LONGEST_CONDITION: usize = 2048;

#[cfg(test)]
mod tests;
