//! Agents and caches that live by the system's clock.

use keytide_core::{Agent, AgentBuilder, AgentIdentity, Cache, Error};

use crate::provider::{Answer, Script, ScriptedProvider};

/// A builder of an agent with an identity for tests, by the system's clock. For hours in a moment see
/// [`TestClock::agent`](crate::TestClock::agent).
pub fn agent() -> AgentBuilder {
    Agent::builder(AgentIdentity {
        agent_type: "test-agent".into(),
        version: "0.0.0".into(),
        environment: "test".into(),
        owner: "tests".into(),
    })
}

/// A cache of an [`agent`] of its own, over an issuer that gives `always` until its script says otherwise.
///
/// ```
/// use std::time::Duration;
///
/// use keytide_testkit::{Answer, scripted_cache};
///
/// let (cache, script) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
/// let credential = cache.get_blocking(Duration::from_secs(10))?;
/// assert_eq!(credential.expose_bearer("to look at it")?, b"token-1");
/// assert_eq!(script.calls(), 1);
/// # Ok::<(), keytide_core::Error>(())
/// ```
///
/// # Errors
/// None in practice: all that it builds is valid.
pub fn scripted_cache(always: Answer) -> Result<(Cache, Script), Error> {
    let (provider, script) = ScriptedProvider::new(always);
    let cache = agent().build()?.cache(provider).build()?;
    Ok((cache, script))
}
