//! What narrows a session: an inline policy and managed ones.

use keytide_core::Error;

/// The policies that a session is cut down to.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionPolicies {
    pub(crate) inline: Option<String>,
    pub(crate) managed: Vec<String>,
}

impl SessionPolicies {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(inline) = &self.inline {
            // STS counts the plain text of inline and managed policies together, before it packs them.
            if inline.len() > MOST_CHARACTERS {
                return Err(Error::misconfigured(format!(
                    "the session policy has {} characters, and STS takes {MOST_CHARACTERS}: shorten it",
                    inline.len()
                )));
            }
            let is_object = serde_json::from_str::<serde_json::Value>(inline)
                .is_ok_and(|policy| policy.is_object());
            if !is_object {
                return Err(Error::misconfigured("the session policy is no JSON object"));
            }
        }
        if self.managed.len() > MOST_MANAGED {
            return Err(Error::misconfigured(format!(
                "there are {} managed session policies, and STS takes {MOST_MANAGED}",
                self.managed.len()
            )));
        }
        for arn in &self.managed {
            if !arn.starts_with("arn:") || !arn.contains(":policy/") {
                return Err(Error::misconfigured(
                    "the ARN of a managed session policy is not written as arn:aws:iam::123456789012:policy/name",
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn managed_for_sdk(&self) -> Option<Vec<aws_sdk_sts::types::PolicyDescriptorType>> {
        let managed = self.managed.iter().map(|arn| {
            aws_sdk_sts::types::PolicyDescriptorType::builder()
                .arn(arn)
                .build()
        });
        (!self.managed.is_empty()).then(|| managed.collect())
    }
}

/// API reference of AssumeRole, `Policy`.
const MOST_CHARACTERS: usize = 2048;
/// API reference of AssumeRole, `PolicyArns`.
const MOST_MANAGED: usize = 10;
