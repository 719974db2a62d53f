//! Azure as far as tokens go, on 127.0.0.1: an instance metadata service, App Service, Arc and Entra.
//!
//! Each is a [`FaultServer`](crate::server::FaultServer) that answers as the real one does where that is documented: the
//! same fields, of the same types, and the same refusals of requests that the real one refuses. Microsoft's own client
//! library for Python gets its tokens from them.
//!
//! ```
//! use keytide_testkit::azure::Imds;
//! use keytide_testkit::server::Fault;
//!
//! // Given a machine with two identities, whose metadata service is being updated …
//! let imds = Imds::new().user_assigned("client", "object", "/subscriptions/s/i").start();
//! imds.set(Fault::status(410));
//! // … point a client at imds.origin() in place of http://169.254.169.254, and look at imds.requests().
//! assert!(imds.origin().starts_with("http://127.0.0.1:"));
//! ```
//!
//! # What they are not
//! Tokens are JWTs that nobody has signed. Entra does not verify the signature of an assertion, only what it says. There
//! are no policies, and nothing is throttled but by a fault.

mod app_service;
mod arc;
mod entra;
mod imds;
mod token;

use std::fmt;
use std::sync::Arc as Shared;
use std::time::SystemTime;

use serde_json::json;

use crate::server::{Received, Reply};

pub use self::app_service::AppService;
pub use self::arc::Arc;
pub use self::entra::Entra;
pub use self::imds::Imds;
pub use self::token::assertion;

/// A user-assigned identity, by its three ids.
#[derive(Debug, Clone)]
struct Assigned {
    client_id: String,
    object_id: String,
    resource_id: String,
}

/// What the clock of a fake shows.
#[derive(Clone)]
struct Time(Shared<dyn Fn() -> SystemTime + Send + Sync>);

impl Time {
    fn new(time: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Shared::new(time))
    }

    fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl Default for Time {
    #[expect(
        clippy::disallowed_methods,
        reason = "a fake issuer has a clock of its own: the machine's, unless the test gives one"
    )]
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Time").finish_non_exhaustive()
    }
}

/// The first value of a parameter.
fn parameter(pairs: &[(String, String)], name: &str) -> Option<String> {
    let mut found = pairs.iter().filter(|(known, _)| known == name);
    found.next().map(|(_, value)| value.clone())
}

/// Which of these identities the parameters name: `Ok(None)` for that of the machine.
///
/// # Errors
/// When they name several, or one that is not here.
fn chosen<'a>(
    asked: &Received,
    names: [&[&str]; 3],
    assigned: &'a [Assigned],
) -> Result<Option<&'a Assigned>, &'static str> {
    let query = asked.parameters();
    let ids = names.map(|names| names.iter().find_map(|name| parameter(&query, name)));
    let given = ids.iter().flatten().count();
    if given > 1 {
        return Err("Only one of the identity parameters may be specified");
    }
    if given == 0 {
        return Ok(None);
    }
    let [client, object, resource] = ids;
    let found = assigned.iter().find(|known| {
        client.as_deref() == Some(known.client_id.as_str())
            || object.as_deref() == Some(known.object_id.as_str())
            || resource
                .as_ref()
                .is_some_and(|id| id.eq_ignore_ascii_case(&known.resource_id))
    });
    found.map(Some).ok_or("Identity not found")
}

/// A refusal with a code, as IMDS and Arc write them.
fn refused(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "error": error, "error_description": description }),
    )
}

/// The system-assigned identity that machines here have.
const SYSTEM_CLIENT_ID: &str = "6a2c7b9e-0000-4000-8000-5959c0ffee01";
const TENANT: &str = "72f988bf-0000-4000-8000-2d7cd011db47";
