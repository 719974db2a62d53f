//! What any provider of anyone must do, as a suite: [`check`].
//!
//! A provider promises that it never caches, never retries, never sleeps and keeps no clock; that it can be dropped at
//! any await; that its errors are of the right sort; and that no secret and no response body gets out of it. The suite
//! holds it to that, through a cache of keytide and against an issuer that the test controls.
//!
//! It needs a [`Fixture`]: how a provider is made, and how its issuer is put into a [`Condition`]. What comes of it is a
//! [`Report`]: each check by name, passed, failed with why, or not applicable with why. A check that did not run is
//! never a pass.
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Secret};
//! use keytide_testkit::conformance::{self, Condition, Expires, Fixture};
//!
//! /// An issuer within this process.
//! #[derive(Debug, Default)]
//! struct Vault {
//!     down: Mutex<bool>,
//!     calls: AtomicU64,
//! }
//!
//! /// The provider under test.
//! #[derive(Debug)]
//! struct FromVault(Arc<Vault>);
//!
//! impl ProvideCredential for FromVault {
//!     fn profile(&self) -> Profile {
//!         Profile::bearer("vault")
//!     }
//!
//!     async fn provide(&self, _: &Request) -> Result<Issued, Error> {
//!         let call = self.0.calls.fetch_add(1, Ordering::Relaxed);
//!         if *self.0.down.lock().unwrap() {
//!             return Err(Error::unavailable("the vault is sealed; unseal it"));
//!         }
//!         let token = Secret::from(format!("doc-vault-token-{call}"));
//!         Ok(Issued::bearer(token).expires_in(Duration::from_secs(900)))
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Vaults(Arc<Vault>);
//!
//! impl Fixture for Vaults {
//!     type Provider = FromVault;
//!
//!     fn provider(&self) -> FromVault {
//!         FromVault(Arc::clone(&self.0))
//!     }
//!
//!     fn put(&self, condition: &Condition) -> Result<(), String> {
//!         *self.0.down.lock().unwrap() = match condition {
//!             Condition::Healthy => false,
//!             Condition::Down => true,
//!             _ => return Err("this vault is well or sealed".to_owned()),
//!         };
//!         Ok(())
//!     }
//!
//!     fn calls(&self) -> Option<u64> {
//!         Some(self.0.calls.load(Ordering::Relaxed))
//!     }
//!
//!     fn secrets(&self) -> Vec<String> {
//!         Vec::new()
//!     }
//!
//!     fn expires(&self) -> Expires {
//!         Expires::In(Duration::from_secs(900))
//!     }
//! }
//!
//! let report = conformance::check(Vaults::default);
//! println!("{report}");
//! report.assert();
//! ```
//!
//! # What it cannot see
//! Whether an error's words are right, only that there are some. A clock that is read where nothing depends on it. A
//! secret in a form that is neither its text nor its bytes: name such forms in [`Fixture::secrets`]. Whether a body is
//! held in memory beyond the bound, only that the issuer could not get rid of more.
//!
//! # Time
//! It runs in real time, most checks side by side: two seconds where nothing has to wait, about six for a provider that
//! speaks HTTP over every fault. What looks at how long something takes (`no-sleep`, `no-blocking`, `profile-cheap`) runs
//! alone and fails only what is slow twenty times in a row, and what a thread waited for its turn does not count (on Linux), so
//! that a busy machine does not.

mod case;
mod checks;
mod findings;
mod fixture;
#[cfg(feature = "server")]
mod http;
mod machine;
mod probe;
mod report;
mod rule;
mod run;
mod sight;
mod suite;

pub use self::fixture::{BadAnswer, Condition, Expires, Fixture};
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub use self::http::HttpFixture;
pub use self::report::{Check, Report, Verdict};
pub use self::run::check;
pub use crate::outcome::Outcome;
