#![cfg_attr(all(feature = "client", feature = "jwt"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "client", feature = "jwt")),
    doc = "For those who write providers of keytide. The whole story is shown with features `client` and `jwt`."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
mod client;
mod env;
mod file;
#[cfg(feature = "jwt")]
mod jwt;
mod one_at_a_time;
mod token_text;

#[cfg(fuzzing)]
#[cfg(feature = "client")]
#[doc(hidden)]
pub use client::fuzz_dates;
#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub use client::{
    Answer, Ask, Dialect, Endpoint, Exchange, Form, IssuerClient, IssuerClientBuilder, KnownCode,
    Reply, Seconds, SecretText, TokenAnswer, Wiped, error_code, is_trouble, read_object,
};
pub use env::Env;
pub use file::{FileWatch, ReadError, SmallFile, read_small};
#[cfg(feature = "jwt")]
#[cfg_attr(docsrs, doc(cfg(feature = "jwt")))]
pub use jwt::{Claims, Jwt, JwtFault, NumericDate, SigningInput};
pub use one_at_a_time::OneAtATime;
pub use token_text::{TextFault, header_text, token_text};
