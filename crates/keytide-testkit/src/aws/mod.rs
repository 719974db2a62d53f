//! Issuers of AWS as far as keys are concerned, for a [`FaultServer`](crate::server::FaultServer): [`Instance`],
//! [`Container`], [`Sts`].
//!
//! Each takes what the real service takes, refuses what it refuses, in its shape and with its codes, and gives keys with a
//! number of their own for each request. They check no signature; moto's server does.
//!
//! ```
//! use keytide_testkit::aws::Sts;
//! use keytide_testkit::server::{Fault, FaultServer};
//!
//! let sts = FaultServer::start(Sts::new("docs-sts-"));
//! // … point a provider to `sts.origin()` …
//! sts.then(Fault::status(503));
//! ```

mod container;
mod instance;
mod sts;
mod time;

use std::time::Duration;

use serde_json::{Value, json};

pub use self::container::Container;
pub use self::instance::Instance;
pub use self::sts::{Sts, refusal};

/// A document with the keys of a role, as instances and containers are given it.
fn document(prefix: &str, number: u64, lifetime: Duration) -> Value {
    json!({
        "Code": "Success",
        "LastUpdated": time::after(Duration::ZERO),
        "Type": "AWS-HMAC",
        "AccessKeyId": key_id(number),
        "SecretAccessKey": format!("{prefix}secret-{number}"),
        "Token": format!("{prefix}session-{number}"),
        "Expiration": time::after(lifetime),
    })
}

/// A key id, as AWS writes those of sessions.
fn key_id(number: u64) -> String {
    format!("ASIA{number:016}")
}
