//! The headers that a signature sets beside `authorization`, and those that are never signed.

use http::HeaderName;

pub(crate) const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(crate) const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
pub(crate) const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// What is not signed, for the service may not see it as it was sent.
///
/// - Headers of one connection (RFC 9110, section 7.6.1), which hops take off and HTTP/2 does not have (RFC 9113, section
///   8.2.2), and `Proxy-Authorization`, `Expect`, `Max-Forwards`, which are for hops.
/// - What hops add to or write anew: `Via`, `Forwarded`, `X-Forwarded-…`, `X-Amzn-Trace-Id`, `User-Agent`, and
///   `Accept-Encoding`, which front ends of storages replace.
/// - `Cookie`, which HTTP/2 may cut into several (RFC 9113, section 8.2.3).
///
/// Whoever checks a signature reads in it which headers it covers. Neither AWS nor those who do as AWS does demand any of
/// these. (Compiled, not tried on each.)
pub(crate) const NEVER_SIGNED: [HeaderName; 23] = [
    http::header::ACCEPT_ENCODING,
    http::header::AUTHORIZATION,
    http::header::CONNECTION,
    http::header::COOKIE,
    http::header::EXPECT,
    http::header::FORWARDED,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    http::header::MAX_FORWARDS,
    http::header::PROXY_AUTHENTICATE,
    http::header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    http::header::TE,
    http::header::TRAILER,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    http::header::USER_AGENT,
    http::header::VIA,
    HeaderName::from_static("x-amzn-trace-id"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
];
