//! The names of roles: [`RoleArn`].

use std::fmt;

use crate::Error;

/// The ARN of a role, looked through for typing errors: STS answers a wrong one with `AccessDenied`, as it answers a
/// right one that may not be assumed.
#[derive(Clone, PartialEq, Eq)]
pub struct RoleArn(String);

impl RoleArn {
    /// Reads `arn:aws:iam::123456789012:role/name`, with the partition and the path of the role.
    ///
    /// # Errors
    /// It is not the ARN of a role: which part is wrong.
    pub fn parse(arn: &str) -> Result<Self, Error> {
        let wrong = |what: &str| {
            Err(Error::new(format!(
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

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the role, without its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
            assert!(error.to_string().contains("role ARN"), "{error}");
        }
    }
}
