#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod agent;
mod cache;
mod context;
mod credential;
mod engine;
mod error;
mod event;
mod home;
mod identity;
#[cfg(all(test, keytide_shuttle))]
mod model;
mod profile;
mod provider;
mod sync;
mod sys;

pub use agent::{Agent, AgentBuilder, Terminating, TerminationReport};
pub use cache::{
    Cache, CacheBuilder, CacheStatus, Changes, Get, Handle, Need, Phase, RevocationReport,
    Revoking, Sender, Subject, SubjectUse, UseReport,
};
pub use credential::secret::{Secret, SharedSecret};
pub use credential::{Credential, ExposedKey};
pub use engine::options::LongLived;
pub use error::{Error, ErrorKind, RetryAfter};
pub use event::{Event, EventKind, Observe, Reason, TracingObserver, Trigger};
pub use identity::{AgentIdentity, InstanceId, Labels};
pub use profile::{CredentialKind, Profile, Revocation};
pub use provider::{Chain, ChangeNotifier, Issued, ProvideCredential, Request};
pub use sys::chance::Draw;
pub use sys::clock::{Clock, SystemClock};
pub use sys::remote::RemoteClock;
