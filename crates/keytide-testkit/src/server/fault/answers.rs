//! Faults of statuses, headers and bodies.

use std::borrow::Cow;
use std::time::Duration;

use keytide_core::ErrorKind::{Misconfigured, Refused, Throttled, Unavailable};

use super::{Fault, Shown, What};
use crate::outcome::{Outcome, UNUSABLE};
use crate::server::field::{Change, Field};
use crate::server::marks::{CANARY, IN};
use crate::server::reply::Reply;

impl Fault {
    /// `302` to this URL. The canary stands in its query. A client that follows it really asks there.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        let mark = if to.contains('?') { '&' } else { '?' };
        let reply = Reply::new(302)
            .header("location", format!("{to}{mark}canary={CANARY}"))
            .body(HTML);
        Self::of("302", What::Answer(reply), NO)
    }

    /// `302` to the URL that was asked for, for ever.
    #[must_use]
    pub fn redirect_in_circle() -> Self {
        Self::of("302-in-circle", What::RedirectInCircle, NO)
    }

    /// This status with an HTML body. 429 should become [`Throttled`], 503 [`Unavailable`] or [`Throttled`], 401 and
    /// 403 [`Refused`] or, as the body is not the issuer's, [`Unavailable`].
    #[must_use]
    pub fn status(status: u16) -> Self {
        let outcome = match status {
            429 => Outcome::Error(&[Throttled]),
            503 => Outcome::Error(&[Unavailable, Throttled]),
            500.. => Outcome::Error(&[Unavailable]),
            _ => NO,
        };
        let reply = Reply::new(status)
            .header("content-type", "text/html")
            .body(HTML);
        Self::of(status.to_string(), What::Answer(reply), outcome)
    }

    /// Adds `Retry-After: text` to an answer of [`status`](Self::status).
    ///
    /// # Panics
    /// When the fault is no answer of its own.
    #[must_use]
    pub fn retry_after(self, text: &str) -> Self {
        self.with_header("retry-after", text)
    }

    /// Adds a `Retry-After` that names the instant this far ahead, as an HTTP date, to an answer of
    /// [`status`](Self::status).
    ///
    /// # Panics
    /// When the fault is no answer of its own.
    #[must_use]
    pub fn retry_after_date(self, ahead: Duration) -> Self {
        let text = format!("{IN}{}", ahead.as_secs());
        self.with_header("retry-after", &text)
    }

    /// HTML with status 200: a captive portal, a proxy's page.
    #[must_use]
    pub fn html() -> Self {
        let mut fault = Self::status(200).called("html-200");
        fault.outcome = UNUSABLE;
        fault
    }

    /// The good status and headers, and an empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::of("empty-200", What::Body(|_, _| Vec::new()), UNUSABLE)
    }

    /// The good answer under this `Content-Type`.
    #[must_use]
    pub fn content_type(content_type: &'static str) -> Self {
        let what = What::ContentType(content_type);
        Self::of("content-type", what, Outcome::Either)
    }

    /// The good answer, with a `Date` so many seconds off the server's clock.
    #[must_use]
    pub fn date_off(seconds: i64) -> Self {
        let name = if seconds < 0 {
            "date-behind"
        } else {
            "date-ahead"
        };
        Self::of(name, What::Date(Shown::Off(seconds)), Outcome::Credential)
    }

    /// The good answer, with this `Date`, or with none.
    #[must_use]
    pub fn date(text: Option<&str>) -> Self {
        let (name, shown) = match text {
            Some(text) => ("date-garbage", Shown::Text(text.to_owned())),
            None => ("date-absent", Shown::Nothing),
        };
        Self::of(name, What::Date(shown), Outcome::Credential)
    }

    /// The good answer with one field changed. See [`Good::field`](crate::server::Good::field).
    #[must_use]
    pub fn field(field: Field, change: Change) -> Self {
        let name = format!("{}-{}", field.name(), change.name());
        let outcome = change.outcome(field);
        Self::of(name, What::Field(field, change), outcome)
    }

    /// This answer, for every request. `{canary}` in its body becomes the server's body canary.
    #[must_use]
    pub fn answer(name: impl Into<Cow<'static, str>>, reply: Reply, outcome: Outcome) -> Self {
        Self::of(name, What::Answer(reply), outcome)
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        let What::Answer(reply) = self.what else {
            panic!("the fault {} has no headers of its own", self.name);
        };
        self.what = What::Answer(reply.header(name, value));
        self.name = format!("{}-{name}", self.name).into();
        self
    }
}

const NO: Outcome = Outcome::Error(&[Refused, Unavailable, Misconfigured]);
const HTML: &str = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1>\
                    <p>{canary}</p></body></html>";
