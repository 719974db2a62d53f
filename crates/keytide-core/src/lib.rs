#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod agent;
mod cache;
mod chain;
mod chance;
mod clock;
mod context;
mod credential;
mod engine;
mod error;
mod event;
mod home;
mod identity;
mod issued;
mod key;
mod lease;
#[cfg(all(test, keytide_shuttle))]
mod model;
mod profile;
mod provider;
mod request;
mod secret;
mod slot;
mod subject;
mod sync;
mod sys;
mod text;
mod time;
mod wakers;

pub use agent::{Agent, AgentBuilder, Terminating, Termination};
pub use cache::{Cache, CacheBuilder, CacheStatus, Changes, Get, Handle, Phase, Revoked, Telling};
pub use chain::Chain;
pub use chance::Draw;
pub use clock::{Clock, SystemClock};
pub use credential::{Credential, ExposedKey};
pub use engine::options::LongLived;
pub use error::{Error, ErrorKind, RetryAfter};
pub use event::{Event, EventKind, Observe, Reason, TracingObserver, Trigger};
pub use identity::{AgentIdentity, AgentType, Environment, InstanceId, Owner, Version};
pub use issued::Issued;
pub use profile::{CredentialKind, Profile, Revocation};
pub use provider::ProvideCredential;
pub use request::{ChangeNotifier, Request};
pub use secret::{Secret, SharedSecret};
pub use subject::{Subject, SubjectUse};
