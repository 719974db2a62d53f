#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod agent;
#[cfg(feature = "aws")]
#[cfg_attr(docsrs, doc(cfg(feature = "aws")))]
pub mod aws;
#[cfg(feature = "azure")]
#[cfg_attr(docsrs, doc(cfg(feature = "azure")))]
pub mod azure;
mod canary;
mod chance;
mod clock;
#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod conformance;
#[cfg(feature = "gcp")]
#[cfg_attr(docsrs, doc(cfg(feature = "gcp")))]
pub mod gcp;
#[cfg(any(feature = "server", feature = "conformance"))]
mod outcome;
mod provider;
mod recorder;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;

pub use agent::{agent, scripted_cache};
pub use canary::Canary;
pub use chance::TestChance;
pub use clock::TestClock;
pub use provider::{Answer, Script, ScriptedProvider};
pub use recorder::Recorder;

#[cfg(all(feature = "conformance", feature = "server"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "conformance", feature = "server"))))]
#[doc = include_str!("../docs/writing-a-provider.md")]
pub mod writing_a_provider {}
