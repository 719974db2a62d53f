//! How an issuer says no: [`Dialect`] and [`KnownCode`].

use std::fmt;

use keytide_core::ErrorKind;

/// What the error codes of one protocol are, and where they stand in a body.
///
/// A code leaves an answer only as an entry of this list, so nothing that an issuer writes gets into an error.
pub struct Dialect {
    find: fn(&[u8]) -> Vec<String>,
    known: &'static [KnownCode],
    /// What stands before each number, and where they are.
    numbers: Option<(&'static str, FindNumbers)>,
}

type FindNumbers = fn(&[u8]) -> Vec<u64>;

/// One code, what sort of failure it is, and what to mend.
#[derive(Debug)]
pub struct KnownCode {
    code: &'static str,
    kind: ErrorKind,
    mend: &'static str,
}

impl Dialect {
    /// A protocol whose codes `find` takes out of a body, the most telling one first. What `find` is given comes from
    /// the network: it must not panic.
    #[must_use]
    pub const fn new(find: fn(&[u8]) -> Vec<String>, known: &'static [KnownCode]) -> Self {
        Self {
            find,
            known,
            numbers: None,
        }
    }

    /// Has every number told that `find` takes out of the body of a failure, known or not, with this before it, such as
    /// `AADSTS`. People look failures up by them, and a number holds no text of whoever answers. `find` must not panic.
    #[must_use]
    pub const fn with_numbers(mut self, prefix: &'static str, find: fn(&[u8]) -> Vec<u64>) -> Self {
        self.numbers = Some((prefix, find));
        self
    }

    /// The numbers in the body, but for the one that `told` is, as ` (AADSTS70021, AADSTS90000)`; empty where there are none.
    pub(super) fn numbers(&self, body: &[u8], told: Option<&KnownCode>) -> String {
        let Some((prefix, find)) = self.numbers else {
            return String::new();
        };
        let mut numbers: Vec<_> = find(body)
            .into_iter()
            .map(|number| format!("{prefix}{number}"))
            .filter(|number| told.is_none_or(|told| told.code != number))
            .collect();
        numbers.truncate(MOST_NUMBERS);
        match numbers.as_slice() {
            [] => String::new(),
            numbers => format!(" ({})", numbers.join(", ")),
        }
    }

    /// The first code in the body that is known.
    pub(super) fn look_up(&self, body: &[u8]) -> Option<&'static KnownCode> {
        let found = (self.find)(body);
        found
            .iter()
            .find_map(|code| self.known.iter().find(|known| known.code == code))
    }
}

impl KnownCode {
    /// `server_error` (RFC 6749, section 4.1.2.1), which token endpoints say too.
    pub const SERVER_ERROR: Self = Self::new(
        "server_error",
        ErrorKind::Unavailable,
        "the issuer is in trouble",
    );
    /// `temporarily_unavailable` (RFC 6749, section 4.1.2.1), which token endpoints say too.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self::new(
        "temporarily_unavailable",
        ErrorKind::Unavailable,
        "the issuer is overloaded or being maintained",
    );
    /// `invalid_grant` (RFC 6749, section 5.2), where what is presented is an assertion.
    pub const INVALID_GRANT: Self = Self::new(
        "invalid_grant",
        ErrorKind::Refused,
        "check the assertion: its issuer, audience and age",
    );
    /// `slow_down` (RFC 8628, section 3.5).
    pub const SLOW_DOWN: Self =
        Self::new("slow_down", ErrorKind::Throttled, "it asks for patience");

    /// A code with the sort of failure that it stands for, and what to mend, as the end of a sentence.
    ///
    /// The sort is one of `Unavailable`, `Throttled`, `Refused`, `NotConfigured` and `Misconfigured`; any other counts
    /// as `Unavailable`.
    #[must_use]
    pub const fn new(code: &'static str, kind: ErrorKind, mend: &'static str) -> Self {
        Self { code, kind, mend }
    }

    /// The code as the issuer writes it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The sort of failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to mend.
    #[must_use]
    pub const fn mend(&self) -> &'static str {
        self.mend
    }
}

/// More than an error has room for.
const MOST_NUMBERS: usize = 16;

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}
