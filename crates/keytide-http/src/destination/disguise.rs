//! Headers that ask a server to take a request for another one: [`disguise`].

use http::{HeaderMap, HeaderName};

/// A header that asks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disguise<'a> {
    pub(crate) name: &'a HeaderName,
    pub(crate) of: Of,
}

/// What of a request is taken for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Method,
    Path,
}

/// The first header by which a gateway or a framework takes the request for one of another method or path.
pub(crate) fn disguise(headers: &HeaderMap) -> Option<Disguise<'_>> {
    headers.keys().find_map(|name| {
        let of = disguised(name.as_str())?;
        Some(Disguise { name, of })
    })
}

/// What a header of this name has a request taken for.
#[inline]
pub(crate) fn disguised(name: &str) -> Option<Of> {
    // All of them begin so: most headers are none.
    if !matches!(name.as_bytes().first(), Some(b'x' | b's')) {
        return None;
    }
    let listed = |list: &[&str]| list.iter().any(|listed| reads_as(name, listed));
    if listed(&METHODS) {
        Some(Of::Method)
    } else {
        listed(&PATHS).then_some(Of::Path)
    }
}

/// Whether servers may read one name as the other: CGI and all that follow it (WSGI, PHP, Rack, nginx's variables) write both
/// `-` and `_` as `_` (RFC 3875, section 4.1.18). Both in lower case.
#[inline]
pub(crate) fn reads_as(name: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() == other.len()
        && name
            .bytes()
            .zip(other.bytes())
            .all(|(a, b)| plain(a) == plain(b))
}

/// By which the method is overridden. (Compiled, not tried on each.)
///
/// - `X-HTTP-Method-Override`: Google's APIs, Symfony, Rack, Laravel, `method-override` of Express.
/// - `X-HTTP-Method` (Microsoft's OData), `X-Method-Override` (IBM, Express).
/// - `X-Forwarded-Method` (forward authentication of Traefik and Caddy), `X-Original-Method` (that of ingress-nginx),
///   `X-Envoy-Original-Method` (Envoy): what they say is asked for instead.
pub(crate) const METHODS: [&str; 6] = [
    "x-envoy-original-method",
    "x-forwarded-method",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
];

/// By which the path is. (Compiled, not tried on each.)
///
/// - `X-Original-URL`, `X-Rewrite-URL`: IIS with ISAPI_Rewrite, and what trusts them: Symfony and Zend until CVE-2018-14773.
/// - `X-Original-URI` (ingress-nginx), `X-Forwarded-Uri` (Traefik, Caddy, Authelia), `X-Forwarded-Path` (Kong),
///   `X-Forwarded-Prefix` (Spring, Symfony, Traefik, YARP), `X-Forwarded-PathBase` (YARP).
/// - `X-Envoy-Original-Path` (Envoy), `X-Replaced-Path` (Traefik), `X-MS-Original-URL` (Azure Static Web Apps),
///   `X-Waws-Unencoded-URL` (Azure App Service).
/// - `X-Script-Name`, `Script-Name` (proxied WSGI applications), `X-Request-URI`, `X-Override-URL`.
pub(crate) const PATHS: [&str; 15] = [
    "script-name",
    "x-envoy-original-path",
    "x-forwarded-path",
    "x-forwarded-pathbase",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-ms-original-url",
    "x-original-uri",
    "x-original-url",
    "x-override-url",
    "x-replaced-path",
    "x-request-uri",
    "x-rewrite-url",
    "x-script-name",
    "x-waws-unencoded-url",
];
