//! Whose keys sign a request for a role: [`Base`].

use aws_credential_types::Credentials;
use keytide_core::{Cache, Request};

use crate::principal::session_of;
use crate::session::SessionRequest;

/// The principal that asks for a role.
pub(crate) struct Base {
    /// The name of the provider that it came from.
    pub(crate) provider: &'static str,
    pub(crate) principal: Option<String>,
    pub(crate) keys: Credentials,
    /// The cache that holds them, and their generation there: told where STS blames them.
    pub(crate) held: Option<(Cache, u64)>,
}

impl Base {
    /// Whether the session is one of a session, which STS calls role chaining. The roles of instances, tasks and functions
    /// were given by the platform itself and do not count.
    pub(crate) fn is_chained(set: Option<bool>, provider: &str, has_session_token: bool) -> bool {
        set.unwrap_or_else(|| has_session_token && !OF_THE_PLATFORM.contains(&provider))
    }

    /// Whether the base is a session that this agent got by `AssumeRole` itself: then it has the identity's tags, which are
    /// transitive, and STS refuses to be given them again.
    pub(crate) fn has_our_tags(&self, request: &Request) -> bool {
        let name = SessionRequest::name(request);
        self.provider == "assume_role"
            && self.principal.as_deref().and_then(session_of) == Some(name.as_str())
    }
}

const OF_THE_PLATFORM: [&str; 3] = ["imds", "container_endpoint", "lambda_environment"];
