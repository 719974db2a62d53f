//! What an issuer answered: [`Reply`], and [`Answer`] where it is a success.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use keytide_core::{Error, ErrorKind, RetryAfter};
use tokio::time::{Instant, timeout_at};

use super::dates;
use super::dialect::{Dialect, KnownCode};
use super::failure;
use super::gunzip::gunzip;
use super::header::text;
use super::wiped::Wiped;
use super::wire::Flow;
use crate::challenge::Challenge;

/// An answer of any status, read whole. [`accept`](Self::accept) it to get at a body.
pub struct Reply {
    origin: String,
    status: StatusCode,
    headers: HeaderMap,
    retry_after: Option<RetryAfter>,
    body: Wiped,
}

/// A successful answer. Its body is wiped when it is dropped.
pub struct Answer(Reply);

impl Reply {
    /// Reads a response to its end, or to the limits.
    pub(super) async fn read(
        origin: String,
        response: http::Response<Flow>,
        date: Option<SystemTime>,
        deadline: Instant,
        late: impl Fn() -> Error,
    ) -> Result<Self, Error> {
        let status = response.status();
        let (head, flow) = response.into_parts();
        let headers = head.headers;
        let size = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            name.as_str().len() + value.len() + HEADER_LINE
        };
        if headers.iter().map(size).sum::<usize>() > MOST_HEADERS {
            return Err(Error::unavailable(format!(
                "the headers of the answer of {origin} are over 64 KiB"
            )));
        }
        let retry_after = headers
            .get(RETRY_AFTER)
            .and_then(text)
            .and_then(|value| dates::retry_after(value, date));
        let mut reply = Self {
            origin,
            status,
            headers,
            retry_after,
            body: Wiped::default(),
        };
        // What went wrong is known by the status: its reason is not waited for as long.
        let end = if status.is_success() {
            deadline
        } else {
            deadline.min(Instant::now() + REASON_TIMEOUT)
        };
        let body = match timeout_at(end, reply.body_of(flow)).await {
            Ok(body) => body,
            Err(_) => Err(late()),
        };
        match body {
            Ok(body) => reply.body = body,
            Err(error) if status.is_success() => return Err(error),
            // What the status says stands, whatever became of the body that explains it.
            Err(_) => {}
        }
        Ok(reply)
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header of the answer, where it is text and stands there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(only), None) => text(only),
            _ => None,
        }
    }

    /// What it challenges with (`WWW-Authenticate`), over all headers of that name.
    #[must_use]
    pub fn challenges(&self) -> Vec<Challenge> {
        let values = self.headers.get_all(WWW_AUTHENTICATE).iter();
        // What is not ASCII, such as a realm, does not hide the rest.
        Challenge::read(values.map(|value| String::from_utf8_lossy(value.as_bytes())))
    }

    /// How long the issuer asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        self.retry_after
    }

    /// The error code that the answer carries, if the dialect knows it.
    #[must_use]
    pub fn code(&self, dialect: &Dialect) -> Option<&'static KnownCode> {
        dialect.look_up(self.body.as_ref())
    }

    /// The answer, if it is a success.
    ///
    /// # Errors
    /// One of the four sorts, as [the crate](crate#what-an-answer-means) lists them.
    pub fn accept(self, dialect: &Dialect) -> Result<Answer, Error> {
        if self.status.is_success() {
            return Ok(Answer(self));
        }
        Err(match self.code(dialect) {
            Some(known) => self.failure(dialect, known),
            None => self.unknown(dialect),
        })
    }

    /// The error that a known code stands for.
    fn failure(&self, dialect: &Dialect, known: &KnownCode) -> Error {
        let Self { origin, status, .. } = self;
        if is_trouble(*status) {
            return self.trouble(dialect, known);
        }
        let message = format!(
            "{origin} answers {} with {}{}: {}",
            status.as_u16(),
            known.code(),
            dialect.numbers(self.body.as_ref(), Some(known)),
            known.mend()
        );
        match known.kind() {
            ErrorKind::Refused => Error::refused(message),
            ErrorKind::Misconfigured => Error::misconfigured(message),
            ErrorKind::NotConfigured => Error::not_configured(message),
            ErrorKind::Throttled => Error::throttled(self.retry_after, message),
            _ if self.retry_after.is_some() => Error::throttled(self.retry_after, message),
            _ => Error::unavailable(message),
        }
    }

    /// The error that a known code stands for where the status says that this is no answer to what was asked: at most one
    /// of trouble.
    fn trouble(&self, dialect: &Dialect, known: &KnownCode) -> Error {
        let Self { origin, status, .. } = self;
        let known_as_trouble =
            matches!(known.kind(), ErrorKind::Unavailable | ErrorKind::Throttled);
        let mend = if known_as_trouble {
            known.mend()
        } else {
            "by its status the issuer is in trouble, so this is no refusal"
        };
        let message = format!(
            "{origin} answers {} with {}{}: {mend}",
            status.as_u16(),
            known.code(),
            dialect.numbers(self.body.as_ref(), Some(known))
        );
        let asks_for_patience = *status == StatusCode::TOO_MANY_REQUESTS
            || known.kind() == ErrorKind::Throttled
            || self.retry_after.is_some();
        if asks_for_patience {
            Error::throttled(self.retry_after, message)
        } else {
            Error::unavailable(message)
        }
    }

    fn unknown(&self, dialect: &Dialect) -> Error {
        let Self { origin, status, .. } = self;
        let status = *status;
        let asks_for_patience = status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after.is_some());
        let what = match status {
            _ if asks_for_patience => "it asks for patience",
            _ if status.is_redirection() => {
                "redirects are not followed: give the URL that it leads to, if that is the issuer"
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
                "check the path of the URL"
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                "it gives no reason that is known here; perhaps it is not the issuer that answers"
            }
            _ if status.is_server_error() => "the issuer is in trouble",
            _ => "that is no answer that is known here",
        };
        let numbers = dialect.numbers(self.body.as_ref(), None);
        let message = format!("{origin} answers {}{numbers}: {what}", status.as_u16());
        if asks_for_patience {
            Error::throttled(self.retry_after, message)
        } else {
            Error::unavailable(message)
        }
    }

    pub(super) fn into_parts(self) -> (StatusCode, HeaderMap, Wiped) {
        (self.status, self.headers, self.body)
    }

    async fn body_of(&self, mut flow: Flow) -> Result<Wiped, Error> {
        let origin = &self.origin;
        let most = if self.status.is_success() {
            MOST_BODY
        } else {
            MOST_REASON
        };
        let too_large = || Error::unavailable(format!("the answer of {origin} is over 1 MiB"));
        let announced = flow.announced().unwrap_or(0);
        if announced > most as u64 {
            return Err(too_large());
        }
        // One that was not asked for, and that some issuers send all the same.
        let compressed = match self.headers.get(CONTENT_ENCODING).map(|value| text(value)) {
            None => false,
            Some(Some(named)) if named.eq_ignore_ascii_case("identity") => false,
            Some(Some(named)) if named.eq_ignore_ascii_case("gzip") => true,
            Some(_) => {
                return Err(Error::unavailable(format!(
                    "the answer of {origin} is encoded in a way that was not asked for"
                )));
            }
        };
        let mut body = Wiped::with_capacity(usize::try_from(announced).unwrap_or(0));
        loop {
            let chunk = flow
                .chunk()
                .await
                .map_err(|error| failure::broken(origin, &error))?;
            let Some(chunk) = chunk else {
                break;
            };
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.push(&chunk);
        }
        if !compressed || body.is_empty() {
            return Ok(body);
        }
        let decoded = gunzip(body.as_ref(), most).await;
        decoded
            .map_err(|error| failure::broken(origin, &error))?
            .ok_or_else(too_large)
    }
}

impl Answer {
    /// The body: it holds a secret. Take it out by parsing, and do not copy the rest.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.0.body.as_ref()
    }

    /// The status, which is one of success.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// A header of the answer, where it is text and stands there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    /// The answer, unless its body says no for all its status: some issuers answer 200 with an error code.
    ///
    /// # Errors
    /// The sort that the dialect gives to the code.
    pub fn judged(self, dialect: &Dialect) -> Result<Self, Error> {
        match self.0.code(dialect) {
            Some(known) => Err(self.0.failure(dialect, known)),
            None => Ok(self),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("origin", &self.origin)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("origin", &self.0.origin)
            .field("status", &self.0.status)
            .finish_non_exhaustive()
    }
}

/// Whether an answer of this status is one of an issuer, or of what stands before it, in trouble: 429 (RFC 6585,
/// section 4) and 5xx (RFC 9110, section 15.6).
///
/// Whatever its body says, such an answer is never a refusal, and never says that something is not configured: the request
/// was not judged. [`Reply::accept`] goes by this rule; whoever reads answers otherwise shall too.
///
/// ```
/// use keytide_issuer::is_trouble;
///
/// assert!(is_trouble(http::StatusCode::SERVICE_UNAVAILABLE));
/// assert!(is_trouble(http::StatusCode::TOO_MANY_REQUESTS));
/// assert!(!is_trouble(http::StatusCode::UNAUTHORIZED));
/// ```
#[must_use]
pub fn is_trouble(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// The most that is read of a successful answer, after it was decoded.
const MOST_BODY: usize = 1 << 20;
/// The most that is read of a failure, to find its code.
const MOST_REASON: usize = 64 << 10;
/// How long the reason of a failure is waited for.
const REASON_TIMEOUT: Duration = Duration::from_secs(2);
const MOST_HEADERS: usize = 64 << 10;
/// `: ` and the end of the line.
const HEADER_LINE: usize = 4;
