//! The checks themselves, by what is done to the provider.

pub(super) mod bad_answers;
pub(super) mod drops;
pub(super) mod healthy;
pub(super) mod sorts;
