//! The names of roles: [`RoleArn`].

use std::fmt;

use keytide_core::Error;

/// The ARN of a role, looked through for typing errors: STS answers a wrong one with `AccessDenied`, as it answers a
/// right one that may not be assumed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RoleArn(String);

impl RoleArn {
    pub(crate) fn parse(arn: &str) -> Result<Self, Error> {
        let wrong = |what: &str| {
            Err(Error::misconfigured(format!(
                "the role ARN {what}: write it as arn:aws:iam::123456789012:role/name"
            )))
        };
        if !(20..=2048).contains(&arn.len()) {
            return wrong("has not 20 to 2048 characters");
        }
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [scheme, partition, service, region, account, resource] = parts[..] else {
            return wrong("has not six parts");
        };
        if scheme != "arn" {
            return wrong("does not begin with arn:");
        }
        let known = partition == "aws" || partition.starts_with("aws-");
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        if !known || !partition.bytes().all(legal) {
            return wrong("names no partition of AWS, such as aws, aws-cn or aws-us-gov");
        }
        if service != "iam" {
            return wrong(if service == "sts" {
                "is that of a session: take the ARN of the role itself"
            } else {
                "is not one of iam"
            });
        }
        if !region.is_empty() {
            return wrong("has a region, which roles have not");
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("has no account id of 12 digits");
        }
        let Some(name) = resource.strip_prefix("role/") else {
            return wrong("names no role");
        };
        let legal = |byte: u8| byte.is_ascii_graphic();
        if name.is_empty() || name.ends_with('/') || !name.bytes().all(legal) {
            return wrong("has no role name, or one with characters that none has");
        }
        Ok(Self(arn.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The role of an assumed-role session, as a trust policy names it: `arn:aws:sts::1:assumed-role/r/s` becomes
/// `arn:aws:iam::1:role/r` (the path of the role is lost).
pub(crate) fn role_of_session(principal: &str) -> Option<String> {
    let (head, resource) = principal.split_once(":assumed-role/")?;
    let (role, _) = resource.split_once('/')?;
    let head = head.replacen(":sts:", ":iam:", 1);
    Some(format!("{head}:role/{role}"))
}

/// The session name of an assumed-role session.
pub(crate) fn session_of(principal: &str) -> Option<&str> {
    let (_, resource) = principal.split_once(":assumed-role/")?;
    resource.split_once('/').map(|(_, session)| session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_found_before_anybody_is_asked() {
        for good in [
            "arn:aws:iam::123456789012:role/reader",
            "arn:aws-cn:iam::123456789012:role/path/to/reader",
            "arn:aws-us-gov:iam::123456789012:role/r+=,.@-_",
        ] {
            assert!(RoleArn::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "reader",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/reader/",
            "arn:aws:iam::123456789012:role/rea der",
            "arn:aws:iam::123456789012:user/reader",
            "arn:aws:iam:123456789012:role/reader",
            "arn:aws:iam::12345678901:role/reader",
            "arn:aws:iam::12345678901x:role/reader",
            "arn:aws:iam:eu-west-1:123456789012:role/reader",
            "arn:aws:sts::123456789012:assumed-role/reader/x",
            "arn:aws:ima::123456789012:role/reader",
            "arn:aw:iam::123456789012:role/reader",
            "arm:aws:iam::123456789012:role/reader",
            "arn:aws:iam::123456789012:roles/reader",
            " arn:aws:iam::123456789012:role/reader",
        ] {
            let error = RoleArn::parse(bad).unwrap_err();
            assert_eq!(
                error.kind(),
                keytide_core::ErrorKind::Misconfigured,
                "{bad}"
            );
            assert!(error.to_string().contains("role ARN"), "{error}");
        }
    }

    #[test]
    fn a_session_leads_back_to_its_role() {
        let session = "arn:aws:sts::123456789012:assumed-role/reader/name";
        assert_eq!(
            role_of_session(session).as_deref(),
            Some("arn:aws:iam::123456789012:role/reader")
        );
        assert_eq!(session_of(session), Some("name"));
        assert_eq!(session_of("reader"), None);
    }
}
