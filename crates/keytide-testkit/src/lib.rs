//! What it takes to test how an agent lives through rotation.
//!
//! Time is tokio's paused time: hours pass in microseconds, and nothing depends on how fast the machine is.
//!
//! ```
//! use std::time::Duration;
//! use keytide_testkit::{Answer, Recorder, ScriptedProvider, TestClock};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), keytide_core::Error> {
//! // Given an agent whose issuer fails for ten minutes …
//! let clock = TestClock::new();
//! let (provider, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
//! let recorder = Recorder::new();
//! let agent = clock.agent().observe(recorder.observer()).build()?;
//! let cache = agent.cache(provider).build()?;
//! cache.get().await?;
//! script.always(Answer::unavailable());
//!
//! // … when its credential comes to be replaced …
//! clock.advance(Duration::from_secs(55 * 60)).await;
//! cache.get().await?;
//! clock.advance(Duration::from_secs(60)).await;
//!
//! // … then readers do not notice.
//! assert!(script.calls() > 1);
//! assert_eq!(cache.get().await?.generation(), 1);
//! assert_eq!(cache.status().failures, script.calls() - 1);
//! # Ok(())
//! # }
//! ```
//!
//! | what | for |
//! |---|---|
//! | [`TestClock`] | wall, monotonic and suspend-aware time, together or apart |
//! | [`ScriptedProvider`], [`Script`], [`Answer`] | an issuer that does what the test says, and counts |
//! | [`Recorder`] | an observer that remembers |
//! | [`Canary`] | a secret that must not turn up in any log |
//!
//! # Before using
//! Observers run on threads of their own, in real time: [`Recorder::wait_for`] waits for them. A cache under a
//! [`TestClock`] judges each read by both clocks, so the cost of reads cannot be measured with it.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "azure")]
#[cfg_attr(docsrs, doc(cfg(feature = "azure")))]
pub mod azure;
mod canary;
mod clock;
#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod conformance;
#[cfg(any(feature = "server", feature = "conformance"))]
mod outcome;
mod provider;
mod recorder;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;

pub use canary::Canary;
pub use clock::TestClock;
pub use provider::{Answer, Script, ScriptedProvider};
pub use recorder::Recorder;
