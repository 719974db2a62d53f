//! What narrows a session: [`SessionPolicies`].

use serde_json::Value;

use crate::names::shown;
use crate::{Boundary, Error, json};

/// All that a session is cut down to, as it goes with one call to STS: an inline policy and managed ones.
///
/// ```
/// use keytide_aws_policy::{Boundary, Grant, SessionPolicies};
///
/// let boundary = Boundary::builder()
///     .allow(Grant::of(["s3:GetObject"]).on(["arn:aws:s3:::invoices/*"]))
///     .build()?;
/// let policies = SessionPolicies::builder()
///     .boundary(&boundary)
///     .managed("arn:aws:iam::123456789012:policy/agents")
///     .build()?;
/// assert_eq!(policies.inline(), Some(boundary.as_str()));
/// # Ok::<(), keytide_aws_policy::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionPolicies {
    inline: Option<String>,
    managed: Vec<String>,
}

impl SessionPolicies {
    /// Starts with none: the session may do all that its role may.
    pub fn builder() -> SessionPoliciesBuilder {
        SessionPoliciesBuilder::default()
    }

    /// The parameter `Policy`.
    #[must_use]
    pub fn inline(&self) -> Option<&str> {
        self.inline.as_deref()
    }

    /// The ARNs of the parameter `PolicyArns`.
    #[must_use]
    pub fn managed(&self) -> &[String] {
        &self.managed
    }
}

/// Builds [`SessionPolicies`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct SessionPoliciesBuilder(SessionPolicies);

impl SessionPoliciesBuilder {
    /// The inline policy. It and one that is [written by hand](Self::inline) take each other's place: the one that is set
    /// last counts.
    pub fn boundary(self, boundary: &Boundary) -> Self {
        self.inline(boundary.as_str())
    }

    /// The inline policy, written by hand, as JSON.
    pub fn inline(mut self, json: impl Into<String>) -> Self {
        self.0.inline = Some(json.into());
        self
    }

    /// One more managed policy, by its ARN.
    pub fn managed(mut self, arn: impl Into<String>) -> Self {
        self.0.managed.push(arn.into());
        self
    }

    /// Checks that STS takes them together.
    ///
    /// # Errors
    /// They have more than [2,048 characters](Boundary::MOST) together, the inline policy is no JSON object or has a member twice, or there are more
    /// than 10 managed ones or one that is written otherwise than the ARN of a policy.
    pub fn build(self) -> Result<SessionPolicies, Error> {
        let SessionPolicies { inline, managed } = &self.0;
        // STS counts the plain text of all policies together, before it packs them.
        let text = inline.as_deref().unwrap_or_default();
        let characters = text.chars().count() + managed.iter().map(String::len).sum::<usize>();
        if characters > Boundary::MOST {
            return Err(Error::new(format!(
                "the session policies have {characters} characters, and STS takes {}: shorten them",
                Boundary::MOST
            )));
        }
        if let Some(inline) = inline {
            match json::read(inline) {
                Ok((Value::Object(_), twice)) => {
                    if let Some(name) = twice.first() {
                        return Err(Error::new(format!(
                            "the session policy has the member {} twice in one object: leave one",
                            shown(name)
                        )));
                    }
                }
                _ => return Err(Error::new("the session policy is no JSON object")),
            }
        }
        if managed.len() > MOST_MANAGED {
            return Err(Error::new(format!(
                "there are {} managed session policies, and STS takes {MOST_MANAGED}",
                managed.len()
            )));
        }
        for arn in managed {
            if !arn.starts_with("arn:") || !arn.contains(":policy/") {
                return Err(Error::new(
                    "the ARN of a managed session policy is not written as arn:aws:iam::123456789012:policy/name",
                ));
            }
        }
        Ok(self.0)
    }
}

/// API reference of AssumeRole, `PolicyArns`.
const MOST_MANAGED: usize = 10;
