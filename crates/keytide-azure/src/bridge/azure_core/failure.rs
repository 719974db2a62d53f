//! What is told of a failure in the Azure SDK: a status, or a phrase of a developer's tool. Nothing of it is quoted, for it
//! holds bodies of answers and what a program wrote to its standard error.

use std::error::Error as StdError;

use azure_core::http::StatusCode;
use keytide_core::Error;

/// A program of a developer's machine that the SDK runs, and what azure_identity 1.0 and the program itself say of it.
struct Tool {
    /// Of azure_identity: it stands before each of its errors.
    credential: &'static str,
    missing: &'static str,
    sign_in: &'static str,
    help: &'static str,
}

/// How it stands with the tools that were asked.
#[derive(Default)]
struct Asked {
    tools: Vec<&'static Tool>,
    missing: Vec<&'static Tool>,
    signed_out: Vec<&'static Tool>,
}

/// The status stands on one of the sources.
pub(super) fn explain(error: &azure_core::Error) -> Error {
    let first: &(dyn StdError + 'static) = error;
    let mut chain = std::iter::successors(Some(first), |error| (*error).source());
    let status = chain.find_map(|error| error.downcast_ref::<azure_core::Error>()?.http_status());
    match status {
        Some(StatusCode::TooManyRequests) => Error::throttled(
            None,
            "the issuer answers the Azure SDK 429: it asks for patience",
        ),
        Some(
            status @ (StatusCode::BadRequest | StatusCode::Unauthorized | StatusCode::Forbidden),
        ) => Error::refused(format!(
            "the issuer answers the Azure SDK {}: check the identity and the resource",
            u16::from(status)
        )),
        Some(status) => Error::unavailable(format!(
            "the issuer answers the Azure SDK {}",
            u16::from(status)
        )),
        None => Asked::of(&error.to_string()).explain(),
    }
}

impl Asked {
    fn of(text: &str) -> Self {
        let mut asked = Self::default();
        for tool in TOOLS.iter().filter(|tool| text.contains(tool.credential)) {
            asked.tools.push(tool);
            if text.contains(tool.missing) {
                asked.missing.push(tool);
            } else if text.contains(tool.sign_in) {
                asked.signed_out.push(tool);
            }
        }
        asked
    }

    /// One that is there and fails in another way may do better at the next call.
    fn explain(&self) -> Error {
        let known = self.missing.len() + self.signed_out.len() == self.tools.len();
        match (&*self.tools, &*self.signed_out) {
            ([], _) => Error::unavailable("the Azure SDK got no token"),
            (tools, _) if !known => Error::unavailable(format!(
                "the Azure SDK got no token of {}: run it by hand to see what it says ({})",
                list(tools, |tool| tool.credential),
                list(tools, |tool| tool.help)
            )),
            (tools, []) => Error::not_configured(format!(
                "{} ({})",
                list(tools, |tool| tool.missing),
                list(tools, |tool| tool.help)
            )),
            (_, signed_out) => Error::misconfigured(format!(
                "nobody is signed in, or not any more: run `{}` ({})",
                list(signed_out, |tool| tool.sign_in),
                list(signed_out, |tool| tool.help)
            )),
        }
    }
}

fn list(tools: &[&'static Tool], part: impl Fn(&Tool) -> &'static str) -> String {
    let parts: Vec<_> = tools.iter().map(|tool| part(tool)).collect();
    parts.join(" or ")
}

static TOOLS: [Tool; 2] = [
    Tool {
        credential: "AzureCliCredential",
        missing: "az not found on PATH",
        sign_in: "az login",
        help: "https://aka.ms/azsdk/rust/identity/troubleshoot#azure-cli",
    },
    Tool {
        credential: "AzureDeveloperCliCredential",
        missing: "azd not found on PATH",
        sign_in: "azd auth login",
        help: "https://aka.ms/azsdk/rust/identity/troubleshoot#azd",
    },
];

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    fn of(text: &str) -> Error {
        Asked::of(text).explain()
    }

    #[test]
    fn tools_are_blamed_only_where_none_may_do_better_at_the_next_call() {
        let missing = "AzureCliCredential authentication failed. az not found on PATH\n";
        let out = "AzureDeveloperCliCredential authentication failed. run `azd auth login`\n";
        let down = "AzureCliCredential authentication failed. the network is down canary\n";

        for (text, kind, told) in [
            (missing.to_owned(), ErrorKind::NotConfigured, "az not found"),
            (
                out.to_owned(),
                ErrorKind::Misconfigured,
                "`azd auth login` (https://",
            ),
            (
                format!("{missing}{out}"),
                ErrorKind::Misconfigured,
                "azd auth login",
            ),
            (
                format!("{down}{out}"),
                ErrorKind::Unavailable,
                "AzureCliCredential",
            ),
            ("canary".to_owned(), ErrorKind::Unavailable, "got no token"),
        ] {
            let error = of(&text);

            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(error.to_string().contains(told), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
