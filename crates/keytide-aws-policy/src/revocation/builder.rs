//! How an instance is told from the others of its role: [`SessionRevocationBuilder`].

use std::time::{Duration, SystemTime};

use keytide_core::{AgentIdentity, Error, InstanceId};

use super::SessionRevocation;
use super::document::{Mark, document};
use crate::naming::{self, IdentityTag};
use crate::session::RoleSession;
use crate::sigv4::date::Stamp;

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

    /// The sessions of this agent, marked as [`AssumeRole`](crate::AssumeRole) marks them: session name, source identity and
    /// the tag `agent-instance`. Each holds the whole instance id. What was turned off is on no session and matches none.
    pub fn agent(self, identity: &AgentIdentity, instance: InstanceId) -> Self {
        let name = naming::session_name(identity, instance);
        self.session_name(name.clone())
            .source_identity(name)
            .instance_tag(IdentityTag::Instance.key(), instance.to_string())
    }

    /// This one session and those that have its name: by the id that STS gave to it.
    pub fn session(self, session: &RoleSession) -> Self {
        match session.assumed_role_id.split_once(':') {
            Some((id, name)) => self.role_id(id).session_name(name),
            None => self.session_name(&session.assumed_role_id),
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

    /// Only sessions that were issued up to this moment, to the second above: those that are issued later work. For a
    /// credential that leaked while its instance goes on.
    pub fn issued_before(mut self, moment: SystemTime) -> Self {
        self.issued_before = Some(moment);
        self
    }

    /// Every session of the role that was issued up to this moment: what the console does. It stops all that use the role,
    /// until they get new sessions.
    pub fn whole_role_before(mut self, moment: SystemTime) -> Self {
        self.whole_role = true;
        self.issued_before = Some(moment);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): the ARN is not that of a role, a mark has characters
    /// that AWS does not take for it, or there is no mark, so that the policy would deny every session.
    pub fn build(self) -> Result<SessionRevocation, Error> {
        let role_name = role_name(&self.role_arn)?.to_owned();
        let mut marks = Vec::new();
        if let Some(name) = &self.session_name {
            check("session name", name, 2..=64, in_session_names)?;
            marks.push(self.user_id(name)?);
        } else if self.role_id.is_some() {
            return Err(Error::misconfigured(
                "a role id marks no session without the session name",
            ));
        }
        if let Some((key, value)) = &self.instance_tag {
            check("key of the session tag", key, 1..=128, in_tags)?;
            check("value of the session tag", value, 1..=256, in_tags)?;
            marks.push(Mark::equals(format!("aws:PrincipalTag/{key}"), value));
        }
        if let Some(identity) = &self.source_identity {
            check("source identity", identity, 2..=64, in_session_names)?;
            marks.push(Mark::equals("aws:SourceIdentity", identity));
        }
        let before = self.issued_before.map(second_above).transpose()?;
        if self.whole_role {
            if !marks.is_empty() {
                return Err(Error::misconfigured(
                    "it is about one instance or about the whole role: decide",
                ));
            }
        } else if marks.is_empty() {
            return Err(Error::misconfigured(
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
            return Err(Error::misconfigured(
                "the role id is not one: it begins with AROA",
            ));
        }
        Ok(Mark::equals("aws:userid", &format!("{id}:{name}")))
    }
}

fn role_name(arn: &str) -> Result<&str, Error> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let path = match parts[..] {
        ["arn", partition, "iam", "", account, rest]
            if partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            rest.strip_prefix("role/")
        }
        _ => None,
    };
    let name = path.and_then(|path| path.rsplit('/').next());
    name.filter(|name| (1..=64).contains(&name.len()) && name.bytes().all(in_session_names))
        .ok_or_else(|| {
            Error::misconfigured(
                "the ARN is not that of a role: arn:aws:iam::123456789012:role/name",
            )
        })
}

fn check(
    what: &str,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    fits: fn(u8) -> bool,
) -> Result<(), Error> {
    if length.contains(&text.len()) && text.bytes().all(fits) {
        return Ok(());
    }
    Err(Error::misconfigured(format!(
        "the {what} is not one that AWS takes: {} to {} characters, and no others than it allows",
        length.start(),
        length.end()
    )))
}

/// `[\w+=,.@-]`
fn in_session_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
}

fn in_tags(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b' ' | b'_' | b'.' | b':' | b'/' | b'=' | b'+' | b'-' | b'@'
        )
}

/// Issue times are whole seconds, and the policy denies what is before.
fn second_above(moment: SystemTime) -> Result<String, Error> {
    let above = moment.checked_add(Duration::from_secs(1)).unwrap_or(moment);
    Stamp::of(above)
        .map(|stamp| stamp.iso())
        .map_err(|_| Error::misconfigured("the moment is not in the years from 1970 to 9999"))
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
