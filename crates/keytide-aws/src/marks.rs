//! What keys say of themselves to whoever asks for more with them: [`Marks`].

use std::collections::BTreeMap;

use keytide_core::{Credential, Issued};

/// They go with a credential from the provider that was given it to the one above, whatever stands between. Who issued it
/// is not guessed from the name of a provider: it may be one that chooses among others, or a user's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    /// `None`: nobody said.
    pub(crate) session: Option<SessionOf>,
    /// The tags that go on to each role that is assumed with the keys, and that STS lets nobody set again.
    pub(crate) transitive_tags: BTreeMap<String, String>,
    pub(crate) account_id: Option<String>,
}

/// Whose session the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionOf {
    /// That of an EC2 instance: a role that is assumed with it is no chained one. (IAM user guide, "Roles terms and
    /// concepts", role chaining; read on 2026-11-28.)
    Instance,
    /// Any other role: what is assumed with it is chained.
    Role,
}

impl Marks {
    pub(crate) fn of_session(session: SessionOf) -> Self {
        Self {
            session: Some(session),
            ..Self::default()
        }
    }

    pub(crate) fn of(credential: &Credential) -> Self {
        let tags = credential.attribute(TRANSITIVE_TAGS);
        Self {
            session: match credential.attribute(SESSION) {
                Some(INSTANCE) => Some(SessionOf::Instance),
                Some(ROLE) => Some(SessionOf::Role),
                _ => None,
            },
            transitive_tags: tags
                .and_then(|tags| serde_json::from_str(tags).ok())
                .unwrap_or_default(),
            account_id: account_id(credential),
        }
    }

    pub(crate) fn put(self, mut issued: Issued) -> Issued {
        if let Some(session) = self.session {
            let session = match session {
                SessionOf::Instance => INSTANCE,
                SessionOf::Role => ROLE,
            };
            issued = issued.attribute(SESSION, session);
        }
        if !self.transitive_tags.is_empty() {
            let tags = serde_json::json!(self.transitive_tags).to_string();
            issued = issued.attribute(TRANSITIVE_TAGS, tags);
        }
        if let Some(account_id) = self.account_id {
            issued = issued.attribute(ACCOUNT_ID, account_id);
        }
        issued
    }

    /// The value of the tag that goes on to roles, by its key, which STS compares without case.
    pub(crate) fn transitive_tag(&self, key: &str) -> Option<&str> {
        let mut tags = self.transitive_tags.iter();
        tags.find(|(known, _)| known.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}

/// The account that the keys are of: what the provider said, or what the principal's ARN holds.
pub(crate) fn account_id(credential: &Credential) -> Option<String> {
    let told = credential.attribute(ACCOUNT_ID);
    let told = told.filter(|id| is_account_id(id)).map(str::to_owned);
    told.or_else(|| credential.principal().and_then(account_of))
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> Option<String> {
    let mut parts = arn.split(':');
    let account = (parts.next() == Some("arn")).then(|| parts.nth(3))??;
    is_account_id(account).then(|| account.to_owned())
}

pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

const SESSION: &str = "aws.session";
const INSTANCE: &str = "instance";
const ROLE: &str = "role";
const TRANSITIVE_TAGS: &str = "aws.transitive-tags";
const ACCOUNT_ID: &str = "aws.account-id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_the_fifth_part_of_an_arn_and_nothing_else() {
        for (arn, account) in [
            (
                "arn:aws:sts::123456789012:assumed-role/r/s",
                Some("123456789012"),
            ),
            ("arn:aws-cn:iam::000000000001:role/r", Some("000000000001")),
            ("arn:aws:iam::aws:policy/p", None),
            ("arn:aws:iam::12345678901:role/r", None),
            ("reader", None),
            ("x:aws:iam::123456789012:role/r", None),
            ("", None),
        ] {
            assert_eq!(account_of(arn).as_deref(), account, "{arn}");
        }
    }
}
