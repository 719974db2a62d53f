//! What a token shall be good for: [`TokenPurpose`], and the checks of scopes, audiences and account names.

use keytide_core::Error;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum TokenPurpose {
    /// An access token with these scopes.
    Access(Vec<String>),
    /// An identity token for this audience.
    Identity(String),
}

impl TokenPurpose {
    pub(crate) fn access<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self::Access(scopes.into_iter().map(Into::into).collect())
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Access(scopes) => check_scopes(scopes),
            Self::Identity(audience) => check_audience(audience),
        }
    }
}

/// There is no default: a token for everything is asked for by name, or not at all.
pub(crate) fn check_scopes(scopes: &[String]) -> Result<(), Error> {
    if scopes.is_empty() {
        return Err(Error::misconfigured(
            "no scope is asked for: name what the token shall be good for, such as \
             https://www.googleapis.com/auth/devstorage.read_only",
        ));
    }
    // A comma separates scopes at the metadata server, a space everywhere else.
    let wrong = |scope: &&String| {
        scope.is_empty()
            || !scope
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\\'))
    };
    match scopes.iter().find(wrong) {
        None => Ok(()),
        Some(scope) => Err(Error::misconfigured(format!(
            "the scope {scope:?} is not one word of printable ASCII without commas, quotes and backslashes: give each \
             scope by itself"
        ))),
    }
}

pub(crate) fn check_audience(audience: &str) -> Result<(), Error> {
    if audience.is_empty() || audience.chars().any(|c| c.is_control() || c == ' ') {
        return Err(Error::misconfigured(
            "the audience of an identity token is empty, or holds spaces or control characters: give the URL or the id of \
             who will check the token",
        ));
    }
    Ok(())
}

/// The e-mail address or the unique id of a service account: it becomes part of a path.
pub(crate) fn check_account(account: &str) -> Result<(), Error> {
    let is_id = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    let is_email = account
        .split_once('@')
        .is_some_and(|(name, domain)| is_word(name) && is_word(domain));
    if is_id || is_email {
        return Ok(());
    }
    Err(Error::misconfigured(format!(
        "the service account {account:?} is neither an e-mail address nor a unique id"
    )))
}

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    #[test]
    fn scopes_are_named_one_by_one_or_nothing_is_asked_for() {
        assert!(
            TokenPurpose::access(["https://www.googleapis.com/auth/iam", "openid"])
                .check()
                .is_ok()
        );
        for scopes in [
            vec![],
            vec![""],
            vec!["a b"],
            vec!["a,b"],
            vec!["a", "b\n"],
            vec!["ü"],
        ] {
            let error = TokenPurpose::access(scopes.clone()).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{scopes:?}");
        }
    }

    #[test]
    fn an_account_cannot_lead_to_another_path() {
        for account in [
            "agent@project.iam.gserviceaccount.com",
            "123456789012345678901",
        ] {
            assert!(check_account(account).is_ok(), "{account}");
        }
        for account in [
            "",
            "agent",
            "a@b/../c",
            "a@b:signBlob",
            "a@b?x",
            "a@",
            "@b",
            "a@b@c",
            "default",
        ] {
            assert!(check_account(account).is_err(), "{account}");
        }
    }

    #[test]
    fn an_audience_is_said() {
        assert!(
            TokenPurpose::Identity("https://api.example.com".into())
                .check()
                .is_ok()
        );
        for audience in ["", "a b", "a\r\n"] {
            assert!(
                TokenPurpose::Identity(audience.into()).check().is_err(),
                "{audience:?}"
            );
        }
    }
}
