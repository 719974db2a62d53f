//! What an issuer answers: [`Answer`].

/// What an issuer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Token {
        mint: u64,
        ends: Ends,
        /// Whether it is for the issuer's other principal; `None`: it does not say for whom.
        other: Option<bool>,
    },
    Failed(Sort),
    Panicked,
    /// It was dropped before it answered.
    Dropped,
}

/// When an issuer says that a credential ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ends {
    /// So long after the call was sent.
    In(i64),
    /// At this instant.
    At(i64),
}

/// The sorts of failures that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sort {
    Unavailable,
    /// With so many nanoseconds of patience.
    Throttled(i64),
    Refused(Why),
}

/// Why an answer counts as a refusal: others are other refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    SaysNo,
    Principal,
    Lifetime,
}

impl Sort {
    /// Whether a failure after this one is more of the same.
    pub(crate) fn is_alike(self, other: Self) -> bool {
        match (self, other) {
            (Self::Refused(one), Self::Refused(other)) => one == other,
            (one, other) => std::mem::discriminant(&one) == std::mem::discriminant(&other),
        }
    }
}
