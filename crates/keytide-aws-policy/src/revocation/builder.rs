//! How an instance is told from the others of its role: [`SessionRevocationBuilder`].

use std::time::{Duration, SystemTime};

#[cfg(feature = "agent")]
use keytide_core::{AgentIdentity, InstanceId};
use time::OffsetDateTime;

use super::SessionRevocation;
use super::document::{Mark, document};
use crate::characters::{is_legal_in_name, is_legal_in_tag};
#[cfg(feature = "agent")]
use crate::naming::{IdentityTag, session_name};
use crate::{Error, RoleArn};

/// Builds a [`SessionRevocation`] from what marks the sessions of one instance. A session is denied if one of the marks
/// is on it.
#[derive(Debug, Clone)]
#[must_use]
pub struct SessionRevocationBuilder {
    role_arn: String,
    role_id: Option<String>,
    session_name: Option<String>,
    instance_tag: Option<(String, String)>,
    source_identity: Option<String>,
    issued_before: Option<SystemTime>,
    whole_role: bool,
}

impl SessionRevocationBuilder {
    pub(super) fn new(role_arn: String) -> Self {
        Self {
            role_arn,
            role_id: None,
            session_name: None,
            instance_tag: None,
            source_identity: None,
            issued_before: None,
            whole_role: false,
        }
    }

    /// The sessions of this agent, marked as `AssumeRole` of `keytide-aws` marks them: session name, source identity and the
    /// tag `agent-instance`. Each holds the whole instance id. What was turned off is on no session and matches none.
    #[cfg(feature = "agent")]
    #[cfg_attr(docsrs, doc(cfg(feature = "agent")))]
    pub fn agent(self, identity: &AgentIdentity, instance: InstanceId) -> Self {
        let name = session_name(identity, instance);
        self.session_name(name.clone())
            .source_identity(name)
            .instance_tag(IdentityTag::Instance.key(), instance.to_string())
    }

    /// This one session and those that have its name, by the id that STS gave to it (`AssumedRoleId` in its answer):
    /// `AROA…:session-name`.
    pub fn assumed_role_id(self, id: &str) -> Self {
        match id.split_once(':') {
            Some((role, name)) => self.role_id(role).session_name(name),
            None => self.session_name(id),
        }
    }

    /// Sessions of this name: the last part of their ARN, and of `aws:userid`, which is in every request.
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.session_name = Some(name.into());
        self
    }

    /// The unique id of the role, `AROA…`, which `aws:userid` begins with (`AssumedRoleId` in the answer of STS). Without
    /// it the name alone is compared, which is the same for a policy that is on one role only.
    pub fn role_id(mut self, id: impl Into<String>) -> Self {
        self.role_id = Some(id.into());
        self
    }

    /// Sessions with this tag. A transitive tag marks the sessions of the roles that were assumed from there, too.
    pub fn instance_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.instance_tag = Some((key.into(), value.into()));
        self
    }

    /// Sessions with this source identity, which goes along when a role is assumed from there and cannot be changed.
    pub fn source_identity(mut self, identity: impl Into<String>) -> Self {
        self.source_identity = Some(identity.into());
        self
    }

    /// Only sessions that were issued up to this time, to the second above: those that are issued later work. For a
    /// credential that leaked while its instance goes on.
    pub fn issued_before(mut self, time: SystemTime) -> Self {
        self.issued_before = Some(time);
        self
    }

    /// Every session of the role that was issued up to this time: what the console does. It stops all that use the role,
    /// until they get new sessions.
    pub fn whole_role_before(mut self, time: SystemTime) -> Self {
        self.whole_role = true;
        self.issued_before = Some(time);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// The ARN is not that of a role, a mark has characters
    /// that AWS does not take for it, or there is no mark, so that the policy would deny every session.
    pub fn build(self) -> Result<SessionRevocation, Error> {
        let role_name = role_name(&self.role_arn)?;
        let mut marks = Vec::new();
        if let Some(name) = &self.session_name {
            check("session name", name, 2..=64, is_legal_in_name)?;
            marks.push(self.user_id(name)?);
        } else if self.role_id.is_some() {
            return Err(Error::new(
                "a role id marks no session without the session name",
            ));
        }
        if let Some((key, value)) = &self.instance_tag {
            check("key of the session tag", key, 1..=128, is_legal_in_tag)?;
            check("value of the session tag", value, 1..=256, is_legal_in_tag)?;
            marks.push(Mark::equals(format!("aws:PrincipalTag/{key}"), value));
        }
        if let Some(identity) = &self.source_identity {
            check("source identity", identity, 2..=64, is_legal_in_name)?;
            marks.push(Mark::equals("aws:SourceIdentity", identity));
        }
        let before = self.issued_before.map(second_above).transpose()?;
        if self.whole_role {
            if !marks.is_empty() {
                return Err(Error::new(
                    "it is about one instance or about the whole role: decide",
                ));
            }
        } else if marks.is_empty() {
            return Err(Error::new(
                "nothing marks the instance, so every session of the role would end: give its session name",
            ));
        }
        let tag = self.instance_tag.as_ref().map(|(_, value)| value);
        let named = [
            self.session_name.as_ref(),
            self.source_identity.as_ref(),
            tag,
        ];
        let of = named.into_iter().flatten().next();
        Ok(SessionRevocation {
            role_name,
            policy_name: policy_name(of.map_or("older-sessions", String::as_str)),
            document: document(&marks, before.as_deref()),
        })
    }

    fn user_id(&self, name: &str) -> Result<Mark, Error> {
        let Some(id) = &self.role_id else {
            return Ok(Mark::like("aws:userid", &format!("*:{name}")));
        };
        let in_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !id.starts_with("AROA") || !(16..=128).contains(&id.len()) || !id.bytes().all(in_id) {
            return Err(Error::new("the role id is not one: it begins with AROA"));
        }
        Ok(Mark::equals("aws:userid", &format!("{id}:{name}")))
    }
}

fn role_name(arn: &str) -> Result<String, Error> {
    let role = RoleArn::parse(arn)?;
    let name = role.name();
    check("name of the role", name, 1..=64, is_legal_in_name)?;
    Ok(name.to_owned())
}

fn check(
    what: &str,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    fits: fn(char) -> bool,
) -> Result<(), Error> {
    if length.contains(&text.len()) && text.chars().all(|c| c.is_ascii() && fits(c)) {
        return Ok(());
    }
    Err(Error::new(format!(
        "the {what} is not one that AWS takes: {} to {} characters, and no others than it allows",
        length.start(),
        length.end()
    )))
}

/// Issue times are whole seconds, and the policy denies what is before.
fn second_above(time: SystemTime) -> Result<String, Error> {
    let above = time.checked_add(Duration::from_secs(1)).unwrap_or(time);
    let since = above.duration_since(SystemTime::UNIX_EPOCH).ok();
    let seconds = since.and_then(|since| i64::try_from(since.as_secs()).ok());
    let utc = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let utc = utc.ok_or_else(|| Error::new("the time is not in the years from 1970 to 9999"))?;
    Ok(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        utc.year(),
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second()
    ))
}

/// Letters, digits and `+=,.@-_`, at most 128.
fn policy_name(of: &str) -> String {
    let kept: String = of
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(100)
        .collect();
    format!("keytide-revoke-{kept}")
}
