#![cfg_attr(all(feature = "client", feature = "jwt", feature = "program"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "client", feature = "jwt", feature = "program")),
    doc = "For those who write providers of keytide. The whole story is shown with features `client`, `jwt` and `program`."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod challenge;
#[cfg(feature = "client")]
mod client;
mod env;
mod file;
mod instant;
#[cfg(feature = "jwt")]
mod jwt;
mod one_at_a_time;
mod own_thread;
mod pem;
#[cfg(feature = "program")]
mod program;
mod token_text;

pub use challenge::Challenge;
#[cfg(fuzzing)]
#[cfg(feature = "client")]
#[doc(hidden)]
pub use client::fuzz_dates;
#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub use client::{
    Answer, Ask, Dialect, Endpoint, Exchange, Form, IssuerClient, IssuerClientBuilder, KnownCode,
    Reply, Seconds, SecretText, TokenAnswer, Wiped, error_code, is_trouble, read_object,
    read_object_of,
};
pub use env::Env;
pub use file::{FileWatch, ReadError, SmallFile, read_small};
pub use instant::{instant, instant_of_seconds};
#[cfg(feature = "jwt")]
#[cfg_attr(docsrs, doc(cfg(feature = "jwt")))]
pub use jwt::{Claims, Jwt, JwtFault, NumericDate, SigningInput};
pub use one_at_a_time::OneAtATime;
pub use own_thread::on_own_thread;
pub use pem::{pem_label, pem_text};
#[cfg(feature = "program")]
#[cfg_attr(docsrs, doc(cfg(feature = "program")))]
pub use program::{Printed, Program, ProgramFault};
pub use token_text::{TextFault, header_text, token_text, trimmed, without_bom};
