//! What narrows a session: an inline policy and managed ones.

use keytide_core::Error;

use crate::boundary::Boundary;

/// The policies that a session is cut down to.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionPolicies {
    pub(crate) inline: Option<String>,
    pub(crate) managed: Vec<String>,
}

impl SessionPolicies {
    pub(crate) fn check(&self) -> Result<(), Error> {
        // STS counts the plain text of all policies together, before it packs them.
        let inline = self.inline.as_deref().unwrap_or_default();
        let characters =
            inline.chars().count() + self.managed.iter().map(String::len).sum::<usize>();
        if characters > Boundary::MOST {
            return Err(Error::misconfigured(format!(
                "the session policies have {characters} characters, and STS takes {}: shorten them",
                Boundary::MOST
            )));
        }
        if let Some(inline) = &self.inline {
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

/// API reference of AssumeRole, `PolicyArns`.
const MOST_MANAGED: usize = 10;
