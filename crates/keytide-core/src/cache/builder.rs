//! How a cache is told what it may do: [`CacheBuilder`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::context::Context;
use crate::context::key::NUMBER;
use crate::engine::household::Household;
use crate::engine::options::{LongLived, Options};
use crate::engine::shared::Shared;
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::profile::{CredentialKind, Profile};
use crate::provider::{ProvideCredential, SharedProvider};

/// Builds a [`Cache`]. Building contacts nobody, needs no runtime and starts nothing.
#[must_use]
pub struct CacheBuilder {
    agent: Arc<Household<Shared>>,
    provider: SharedProvider,
    key: Option<String>,
    options: Options,
    plain: bool,
}

impl CacheBuilder {
    pub(crate) fn new(agent: Arc<Household<Shared>>, provider: impl ProvideCredential) -> Self {
        Self {
            agent,
            provider: SharedProvider::new(provider),
            key: None,
            options: Options::default(),
            plain: true,
        }
    }

    /// Names the cache in events and status. Defaults to the provider's name and a number.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How much life is left when a refresh begins behind the readers' backs. Defaults to what the provider states,
    /// else by lifetime: 5 min up to 20 min, 15 min up to 90 min, else 60 min (the numbers of the AWS SDKs, 2026). At
    /// most half the life. The instant is spread over the first half of the window, by instance.
    pub fn advisory_window(self, window: Duration) -> Self {
        self.set(|options| options.advisory_window = Some(window))
    }

    /// How much life is left when a refresh becomes urgent. Defaults to 1 min. At most a tenth of the life.
    pub fn mandatory_window(self, window: Duration) -> Self {
        self.set(|options| options.mandatory_window = Some(window))
    }

    /// How long after the last read refreshing goes on. Defaults to one lifetime of the credential.
    pub fn idle_after(self, idle: Duration) -> Self {
        self.set(|options| options.idle_after = Some(idle))
    }

    /// The shortest time between two calls, 10 ms to 1 h. Defaults to 1 s, but for the first four calls after one has failed
    /// that left readers without a credential: those follow after 100, 200, 400 and 800 ms at the most.
    pub fn min_interval(self, min_interval: Duration) -> Self {
        self.set(|options| options.min_interval = Some(min_interval))
    }

    /// How long one call may take, 100 ms to 10 min. Defaults to 30 s; while a credential is usable at most a sixth of
    /// what remains, but a second.
    pub fn flight_limit(self, limit: Duration) -> Self {
        self.set(|options| options.flight_limit = limit)
    }

    /// Serves a signing key for this long past its expiry while its issuer cannot be asked. Ends at once when the
    /// issuer says no. Defaults to off; refused for bearer tokens.
    pub fn static_stability(self, bound: Duration) -> Self {
        self.set(|options| options.static_stability = Some(bound))
    }

    /// The longest lifetime that is accepted, from making to expiry, give or take a minute for clocks that differ.
    /// Defaults to 12 h.
    pub fn longest_lifetime(self, longest: Duration) -> Self {
        self.set(|options| options.longest_lifetime = longest)
    }

    /// What to do with a credential that lives longer. Defaults to [`LongLived::Refuse`].
    pub fn long_lived(self, policy: LongLived) -> Self {
        self.set(|options| options.long_lived = policy)
    }

    /// Serves a secret that never expires, or lets the provider present one to its issuer. Whoever gets hold of it has
    /// it for ever; it cannot rotate away, and a revocation here does not reach its issuer. Defaults to refusing it.
    pub fn danger_allow_static(self) -> Self {
        self.set(|options| options.allow_static = true)
    }

    /// Accepts this principal beside the first that the issuer names. Defaults to none.
    pub fn accept_principal(self, principal: impl Into<Arc<str>>) -> Self {
        self.set(|options| options.principals.push(principal.into()))
    }

    /// How many calls the issuer gets at a time, over all caches of this process whose providers name it, 1 to 10,000.
    /// The number of the cache that asks counts. Defaults to 10.
    pub fn issuer_limit(self, limit: usize) -> Self {
        self.set(|options| options.issuer_limit = limit)
    }

    /// Builds the cache.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when a value is out of its range, when the key is taken,
    /// or when static stability is asked for a bearer token;
    /// [`StaticCredential`](crate::ErrorKind::StaticCredential) when the provider rests on a secret that never expires
    /// and that was not allowed; [`Revoked`](crate::ErrorKind::Revoked) or [`ShutDown`](crate::ErrorKind::ShutDown) when
    /// the agent has ended.
    pub fn build(self) -> Result<Cache, Error> {
        let profile = self.provider.ask_profile()?;
        self.check(&profile)?;
        let options = if self.plain {
            self.agent.plain_options()
        } else {
            Arc::new(self.options)
        };
        check_static_input(&self.agent, &profile, options.allow_static)?;
        let (agent, provider) = (self.agent, self.provider);
        let shared = agent.register(self.key, profile, |place, key, profile| {
            let actor = Arc::clone(&agent.actor);
            let context = Arc::new(Context::new(actor, key, profile));
            Arc::new(Shared::new(
                Arc::clone(&agent),
                context,
                provider,
                options,
                place,
            ))
        })?;
        Ok(Cache { shared })
    }

    fn check(&self, profile: &Profile) -> Result<(), Error> {
        self.check_key()?;
        if self.plain {
            // The defaults are within their ranges, and fit every profile.
            return Ok(());
        }
        let options = &self.options;
        let range = |what: &str, value: Duration, least: Duration, most: Duration| {
            if value < least || value > most {
                return Err(Error::invalid(format!(
                    "{what} must be {least:?} to {most:?}, not {value:?}"
                )));
            }
            Ok(())
        };
        let (hour, century) = (
            Duration::from_secs(3600),
            Duration::from_secs(100 * 365 * 24 * 3600),
        );
        range(
            "the minimum interval",
            options.min_interval(),
            Duration::from_millis(10),
            hour,
        )?;
        range(
            "the flight limit",
            options.flight_limit,
            Duration::from_millis(100),
            hour / 6,
        )?;
        range(
            "the longest lifetime",
            options.longest_lifetime,
            Duration::from_secs(1),
            century,
        )?;
        for (what, value) in [
            ("the advisory window", options.advisory_window),
            ("the mandatory window", options.mandatory_window),
            ("the idle time", options.idle_after),
        ] {
            range(
                what,
                value.unwrap_or(hour),
                Duration::from_millis(1),
                century,
            )?;
        }
        if options.issuer_limit == 0 || options.issuer_limit > 10_000 {
            return Err(Error::invalid(format!(
                "the issuer limit must be 1 to 10000, not {}",
                options.issuer_limit
            )));
        }
        if let Some(bound) = options.static_stability {
            range("static stability", bound, Duration::from_secs(1), 24 * hour)?;
            if profile.kind == CredentialKind::BearerToken {
                return Err(Error::invalid(format!(
                    "static stability is for signing keys, and {} gives bearer tokens",
                    profile.name
                )));
            }
        }
        Ok(())
    }

    fn check_key(&self) -> Result<(), Error> {
        if let Some(key) = &self.key
            && (key.is_empty()
                || key.len() > 256
                || key.chars().any(|c| c == NUMBER || c.is_control()))
        {
            return Err(Error::invalid(
                "the key of a cache must be 1 to 256 bytes without # and control characters",
            ));
        }
        Ok(())
    }

    fn set(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self.plain = false;
        self
    }
}

/// A provider that presents a secret which never expires is told of, and refused unless that was allowed.
fn check_static_input(
    agent: &Household<Shared>,
    profile: &Profile,
    accepted: bool,
) -> Result<(), Error> {
    let (Some(what), name) = (profile.static_input, profile.name) else {
        return Ok(());
    };
    let kind = EventKind::StaticCredentialSeen { accepted };
    agent.actor.emit(None, name, None, kind);
    if accepted {
        return Ok(());
    }
    let remedy = profile
        .remedy
        .map(|remedy| format!("; {remedy}"))
        .unwrap_or_default();
    let message = format!(
        "{name} presents {what}, which never expires, and static credentials are refused unless the cache was built with \
         danger_allow_static{remedy}"
    );
    Err(Error::new(ErrorKind::StaticCredential, message))
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("key", &self.key)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
