//! What a token is for: [`Resource`], one at a time.

use keytide_core::Error;

/// The App ID URI or the id of the application that a token is for. Entra's v2 endpoint wants it as a scope, managed
/// identities want it as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource(String);

impl Resource {
    /// Takes a resource (`https://vault.azure.net`) or its scope (`https://vault.azure.net/.default`).
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        // One that ends with a slash has a scope with two: https://learn.microsoft.com/entra/identity-platform/scopes-oidc.
        let resource = text.strip_suffix(DEFAULT).unwrap_or(text);
        if resource.contains(char::is_whitespace) {
            return Err(Error::misconfigured(format!(
                "the scope {text:?} holds a space: a token is for one resource, and each has a cache of its own"
            )));
        }
        let plain = |byte: u8| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | b'#')
        };
        if resource.is_empty() || resource.len() > 2048 || !resource.bytes().all(plain) {
            return Err(Error::misconfigured(format!(
                "the resource {text:?} is no App ID URI, such as https://vault.azure.net"
            )));
        }
        Ok(Self(resource.to_owned()))
    }

    /// For managed identities.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// For Entra.
    pub(crate) fn scope(&self) -> String {
        format!("{}{DEFAULT}", self.0)
    }
}

const DEFAULT: &str = "/.default";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_and_its_scope_are_one_and_the_slash_at_its_end_stays() {
        for (text, resource, scope) in [
            (
                "https://vault.azure.net",
                "https://vault.azure.net",
                "https://vault.azure.net/.default",
            ),
            (
                "https://vault.azure.net/.default",
                "https://vault.azure.net",
                "https://vault.azure.net/.default",
            ),
            (
                "https://database.windows.net/",
                "https://database.windows.net/",
                "https://database.windows.net//.default",
            ),
            (
                "https://database.windows.net//.default",
                "https://database.windows.net/",
                "https://database.windows.net//.default",
            ),
            (
                "api://orders/reader",
                "api://orders/reader",
                "api://orders/reader/.default",
            ),
            (
                "499b84ac-1321-427f-aa17-267ca6975798/.default",
                "499b84ac-1321-427f-aa17-267ca6975798",
                "499b84ac-1321-427f-aa17-267ca6975798/.default",
            ),
        ] {
            let parsed = Resource::parse(text).unwrap();

            assert_eq!(
                (parsed.as_str(), parsed.scope().as_str()),
                (resource, scope),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_one_resource_is_refused() {
        let long = "x".repeat(3000);
        for text in [
            "",
            "/.default",
            "a b",
            "https://a/.default https://b/.default",
            "a\nb",
            "a\"b",
            "ü",
            "a#b",
            "a&b",
            &long,
        ] {
            assert!(Resource::parse(text).is_err(), "{text:?}");
        }
    }
}
