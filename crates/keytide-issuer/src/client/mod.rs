//! A guarded way to ask issuers: what all providers that speak HTTP share.
//!
//! A provider's request to its issuer carries what the issuer will take for the agent itself, and the answer carries a
//! secret. So the client here does less than an HTTP client usually does:
//!
//! | guard | what it does |
//! |---|---|
//! | [`Endpoint`] | `https` only, but for loopback and for the documented metadata addresses, which are literal; no user name, no fragment, no address that is written as another one |
//! | names | looked up once for each connection; every address is judged, and only those are connected to. A name that leads to loopback, to a link-local or a metadata address is an error |
//! | redirects | never followed |
//! | proxies | those of the environment or of the builder for public issuers; none for loopback and metadata addresses |
//! | size | 64 KiB of headers, and 1 MiB of body after it was decoded; what is announced as more is not read at all |
//! | time | 5 s for a connection, 20 s for the whole answer, both settable |
//! | connections | HTTP/1.1, one for each request: a connection that the issuer has closed meanwhile costs no attempt |
//! | memory | request and response bodies are wiped; nothing of a body is in an error, and only codes from a list that the provider brings |
//! | clock | the `Date` of each answer over TLS or loopback is reported to the request that asks |
//!
//! ```
//! use keytide_core::{Error, ErrorKind, Issued, Profile, ProvideCredential, Request};
//! use keytide_issuer::{Dialect, Endpoint, IssuerClient, KnownCode};
//!
//! struct Vending {
//!     client: IssuerClient,
//!     endpoint: Endpoint,
//! }
//!
//! /// What this issuer may say when it says no. Everything else counts as an issuer in trouble.
//! static CODES: Dialect = Dialect::new(
//!     |body| std::str::from_utf8(body).map(|text| vec![text.trim().to_owned()]).unwrap_or_default(),
//!     &[KnownCode::new("unknown_agent", ErrorKind::Refused, "register the agent with the issuer")],
//! );
//!
//! impl ProvideCredential for Vending {
//!     fn profile(&self) -> Profile {
//!         Profile::bearer("vending").issuer(self.endpoint.origin())
//!     }
//!
//!     async fn provide(&self, request: &Request) -> Result<Issued, Error> {
//!         let reply = self.client.get(&self.endpoint).send(request).await?;
//!         let answer = reply.accept(&CODES)?;
//!         let token = std::str::from_utf8(answer.body())
//!             .map_err(|_| Error::unavailable("the issuer's answer is not text"))?;
//!         Ok(Issued::bearer(token.to_owned()).expires_in(std::time::Duration::from_secs(900)))
//!     }
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let provider = Vending {
//!     client: IssuerClient::shared(),
//!     endpoint: Endpoint::parse("https://vending.example.com/token")?,
//! };
//! # Ok(())
//! # }
//! ```
//!
//! # What an answer means
//! [`Reply::accept`] turns what is no success into an error of one of the four sorts. What is unknown is
//! [`Unavailable`](keytide_core::ErrorKind::Unavailable), so that a page of some gateway never counts as the issuer's no.
//!
//! | answer | sort |
//! |---|---|
//! | a code that the provider's [`Dialect`] knows | as the dialect says; with `Retry-After` where it is no refusal: throttled |
//! | 429; 503 with `Retry-After` | throttled |
//! | anything else but 2xx: a redirect, HTML, 401 without a known code, 5xx | unavailable |
//!
//! # Limits
//! With a proxy the proxy looks names up, so the addresses behind a name are not judged here. Only the TLS library's and
//! the kernel's buffers hold copies that are not wiped. hyper reads up to about 400 KiB of headers before the limit of
//! 64 KiB is applied to them.

mod address;
mod answer;
mod ask;
mod clients;
mod dates;
mod dialect;
mod endpoint;
mod exchange;
mod failure;
mod form;
mod header;
mod issuer_client;
mod names;
mod object;
mod seconds;
mod text;
mod wiped;

pub use answer::{Answer, Reply};
pub use ask::Ask;
pub use dialect::{Dialect, KnownCode};
pub use endpoint::Endpoint;
pub use exchange::Exchange;
pub use form::Form;
pub use issuer_client::{IssuerClient, IssuerClientBuilder};
pub use object::read_object;
pub use seconds::Seconds;
pub use text::SecretText;
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
