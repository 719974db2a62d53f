//! One answer of a script: [`Answer`].

use std::time::{Duration, SystemTime};

use keytide_core::{Error, Issued, RetryAfter, Secret};

/// One answer of a [`Script`](crate::Script).
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) what: What,
    pub(super) delay: Duration,
    pub(super) blocks: Duration,
    pub(super) gated: bool,
    principal: Option<String>,
    pub(super) issuer_clock: Option<SystemTime>,
    refresh_in: Option<Duration>,
    key: bool,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Token(End),
    Same(End),
    Fail(Error),
    Hang,
    Panic(String),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    In(Duration),
    At(SystemTime),
    Never,
}

impl Answer {
    /// A new token that lasts this long.
    #[must_use]
    pub fn token(lifetime: Duration) -> Self {
        Self::of(What::Token(End::In(lifetime)))
    }

    /// A new token that ends at this instant.
    #[must_use]
    pub fn token_until(instant: SystemTime) -> Self {
        Self::of(What::Token(End::At(instant)))
    }

    /// A new token that never expires.
    #[must_use]
    pub fn static_token() -> Self {
        Self::of(What::Token(End::Never))
    }

    /// The token minted last, as lasting this long from now.
    #[must_use]
    pub fn same_token(lifetime: Duration) -> Self {
        Self::of(What::Same(End::In(lifetime)))
    }

    /// The token minted last, ending at this instant.
    #[must_use]
    pub fn same_token_until(instant: SystemTime) -> Self {
        Self::of(What::Same(End::At(instant)))
    }

    /// This failure.
    #[must_use]
    pub fn fail(error: Error) -> Self {
        Self::of(What::Fail(error))
    }

    /// The issuer cannot be asked.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::fail(Error::unavailable("the scripted issuer is down"))
    }

    /// The issuer asks for patience.
    #[must_use]
    pub fn throttled(retry_after: Option<Duration>) -> Self {
        Self::fail(Error::throttled(
            retry_after.map(RetryAfter::Delay),
            "the scripted issuer is busy",
        ))
    }

    /// The issuer says no.
    #[must_use]
    pub fn refused() -> Self {
        Self::fail(Error::refused("the scripted issuer says no"))
    }

    /// No answer, ever.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(What::Hang)
    }

    /// A panic with this message.
    #[must_use]
    pub fn panic(message: impl Into<String>) -> Self {
        Self::of(What::Panic(message.into()))
    }

    /// Comes this long after the question, by tokio's time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Comes only when the test lets it through: [`Script::release`](crate::Script::release).
    #[must_use]
    pub fn gated(mut self) -> Self {
        self.gated = true;
        self
    }

    /// Blocks the thread that polls it for this long, in real time, as a bad provider would.
    #[must_use]
    pub fn blocking(mut self, thread: Duration) -> Self {
        self.blocks = thread;
        self
    }

    /// Names who the issuer says we are.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<String>) -> Self {
        self.principal = Some(principal.into());
        self
    }

    /// Shows the issuer's clock.
    #[must_use]
    pub fn issuer_clock(mut self, shown: SystemTime) -> Self {
        self.issuer_clock = Some(shown);
        self
    }

    /// Hints when to come again.
    #[must_use]
    pub fn refresh_in(mut self, after: Duration) -> Self {
        self.refresh_in = Some(after);
        self
    }

    /// Mints a signing key instead of a bearer token: id `key-n`, secret `token-n`, session token `session-n`.
    #[must_use]
    pub fn as_signing_key(mut self) -> Self {
        self.key = true;
        self
    }

    fn of(what: What) -> Self {
        Self {
            what,
            delay: Duration::ZERO,
            blocks: Duration::ZERO,
            gated: false,
            principal: None,
            issuer_clock: None,
            refresh_in: None,
            key: false,
        }
    }

    pub(super) fn issue(self, number: u64, token: String, end: End) -> Issued {
        let mut issued = if self.key {
            Issued::signing_key(format!("key-{number}"), Secret::from(token))
                .session_token(Secret::from(format!("session-{number}")))
        } else {
            Issued::bearer(Secret::from(token))
        };
        issued = match end {
            End::In(lifetime) => issued.expires_in(lifetime),
            End::At(instant) => issued.expires_at(instant),
            End::Never => issued,
        };
        if let Some(principal) = self.principal {
            issued = issued.principal(principal);
        }
        if let Some(after) = self.refresh_in {
            issued = issued.refresh_in(after);
        }
        issued
    }
}
