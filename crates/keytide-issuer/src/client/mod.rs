//! The guarded client that asks issuers, and what reads their answers: the front page of the crate tells of it.

mod address;
mod answer;
mod ask;
mod carried;
mod dates;
mod dialect;
mod endpoint;
mod exchange;
mod failure;
mod form;
mod gunzip;
mod header;
mod issuer_client;
mod names;
mod object;
mod seconds;
mod text;
mod token;
mod wiped;
mod wire;

pub use answer::{Answer, Reply, is_trouble};
pub use ask::Ask;
pub use dialect::{Dialect, KnownCode};
pub use endpoint::Endpoint;
pub use exchange::Exchange;
pub use form::Form;
pub use issuer_client::{IssuerClient, IssuerClientBuilder};
pub use object::{read_object, read_object_of};
pub use seconds::Seconds;
pub use text::SecretText;
pub use token::{TokenAnswer, error_code};
pub use wiped::Wiped;

/// What reads the headers of time, for the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_dates(date: &str, retry_after: &str) {
    let answered = dates::date(date);
    let _ = dates::retry_after(retry_after, answered);
}

#[cfg(test)]
mod tests;
