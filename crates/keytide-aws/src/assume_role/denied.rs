//! What to mend when STS denies a role.

use keytide_aws_policy::RoleArn;

use crate::principal::role_of_session;

/// A role that STS denied, and what the request asked for beside it.
pub(crate) struct DeniedRole<'a> {
    pub(crate) role: &'a RoleArn,
    /// Who asked, as an ARN.
    pub(crate) principal: Option<&'a str>,
    pub(crate) source_identity: bool,
    pub(crate) tags: bool,
}

impl DeniedRole<'_> {
    /// The suspects, the first ones first, and the statement that the trust policy needs.
    pub(crate) fn advice(&self) -> String {
        let mut actions = vec!["sts:AssumeRole"];
        let mut suspects = Vec::new();
        if self.source_identity {
            actions.push("sts:SetSourceIdentity");
            suspects.push("sts:SetSourceIdentity");
        }
        if self.tags {
            actions.push("sts:TagSession");
            suspects.push("sts:TagSession");
        }
        let first = if suspects.is_empty() {
            String::new()
        } else {
            format!(
                ", first of all whether both allow {}",
                suspects.join(" and ")
            )
        };
        let principal = self
            .principal
            .map(|arn| role_of_session(arn).unwrap_or_else(|| arn.to_owned()))
            .filter(|arn| arn.starts_with("arn:"))
            .unwrap_or_else(|| "the ARN of the role that asks".to_owned());
        let statement = serde_json::json!({
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": actions,
        });
        format!(
            "{first}; the trust policy of {} needs the statement {statement}; a role that does not exist is denied in the same way",
            self.role.as_str()
        )
    }
}
