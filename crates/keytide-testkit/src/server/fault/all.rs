//! All faults by name: [`Fault::all`].

use std::time::Duration;

use super::{At, Fault};
use crate::outcome::{Outcome, UNUSABLE};
use crate::server::field::{Change, Field};
use crate::server::marks::CANARY;
use crate::server::reply::Reply;
#[cfg(feature = "tls")]
use crate::server::tls::TlsFault;

impl Fault {
    /// Every fault that this server knows, each under a name of its own. Those of fields that a good answer does not
    /// have, and those of TLS on a plain server, are [not applicable](Self::not_applicable) there.
    ///
    #[doc = include_str!("../../../docs/faults.md")]
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = transport();
        all.extend(statuses());
        all.extend(oddities());
        all.extend(bodies());
        all.extend(lifetimes());
        all.extend(tokens());
        #[cfg(feature = "tls")]
        all.extend(TlsFault::all().into_iter().map(Self::tls));
        all
    }

    /// The fault of [`all`](Self::all) that is called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|fault| fault.name() == name)
    }
}

fn transport() -> Vec<Fault> {
    vec![
        Fault::slow(Duration::from_millis(300)),
        Fault::dribble(Duration::from_millis(1)),
        Fault::hang(At::Accept),
        Fault::hang(At::BeforeHeaders),
        Fault::hang(At::InHeaders),
        Fault::hang(At::AfterHeaders),
        Fault::hang(At::InBody),
        Fault::reset(At::Accept),
        Fault::reset(At::BeforeHeaders),
        Fault::reset(At::InHeaders),
        Fault::reset(At::AfterHeaders),
        Fault::reset(At::InBody),
        Fault::truncated(),
        Fault::unfinished_chunks(),
        Fault::malformed_chunk(),
        Fault::endless_body(),
        Fault::huge_body(),
        Fault::gzip_bomb(),
        Fault::long_header(),
        Fault::many_headers(),
        Fault::endless_headers(),
    ]
}

fn statuses() -> Vec<Fault> {
    let server_error = Outcome::Error(&[keytide_core::ErrorKind::Unavailable]);
    vec![
        Fault::redirect("https://elsewhere.invalid/token").called("302-elsewhere"),
        Fault::redirect("file:///etc/passwd").called("302-to-file"),
        Fault::redirect("http://169.254.169.254/latest/meta-data/").called("302-to-metadata"),
        Fault::redirect_in_circle(),
        Fault::status(401).called("401-html"),
        Fault::status(403).called("403-html"),
        Fault::status(404).called("404-html"),
        Fault::status(429),
        Fault::status(429)
            .retry_after("7")
            .called("429-retry-after-seconds"),
        Fault::status(429)
            .retry_after_date(Duration::from_secs(7))
            .called("429-retry-after-date"),
        Fault::status(429)
            .retry_after("86400")
            .called("429-retry-after-a-day"),
        Fault::status(429)
            .retry_after("soon {canary}")
            .called("429-retry-after-garbage"),
        Fault::status(429)
            .retry_after("-5")
            .called("429-retry-after-negative"),
        Fault::status(429)
            .retry_after("99999999999999999999999")
            .called("429-retry-after-huge"),
        Fault::answer("500-empty", Reply::new(500), server_error),
        Fault::status(500).called("500-html"),
        Fault::status(502).called("502-html"),
        Fault::status(503),
        Fault::status(503)
            .retry_after("7")
            .called("503-retry-after"),
        Fault::status(504).called("504-html"),
    ]
}

fn oddities() -> Vec<Fault> {
    vec![
        Fault::informational(),
        Fault::http10(),
        Fault::closed_keep_alive(),
        Fault::date_off(7200).called("date-2h-ahead"),
        Fault::date_off(-7200).called("date-2h-behind"),
        Fault::date(Some("yesterday, perhaps")),
        Fault::date(None),
        Fault::content_type("text/html").called("content-type-html"),
        Fault::content_type("application/octet-stream").called("content-type-binary"),
    ]
}

fn bodies() -> Vec<Fault> {
    let json = |name, body: Vec<u8>| {
        let reply = Reply::new(200)
            .header("content-type", "application/json")
            .body(body);
        Fault::answer(name, reply, UNUSABLE)
    };
    let nested = |open: &str, close: &str| {
        let (open, close) = (open.repeat(DEEP), close.repeat(DEEP));
        format!("{open}\"{CANARY}\"{close}").into_bytes()
    };
    let mut utf8 = format!("{{\"{CANARY}\":\"").into_bytes();
    utf8.extend([0xff, 0xfe, 0x80, 0xc0]);
    utf8.extend(b"\"}");
    vec![
        Fault::html(),
        Fault::empty(),
        json("body-invalid-utf-8", utf8),
        json("body-nested-arrays", nested("[", "]")),
        json("body-nested-objects", nested("{\"a\":", "}")),
        json("body-half-json", format!("{{\"{CANARY}\":\"").into_bytes()),
        json("body-null", b"null".to_vec()),
        json("body-array", format!("[\"{CANARY}\"]").into_bytes()),
        json("body-string", format!("\"{CANARY}\"").into_bytes()),
        json("body-empty-object", b"{}".to_vec()),
    ]
}

fn lifetimes() -> Vec<Fault> {
    [
        Change::bad("zero", "0"),
        Change::bad("negative", "-3600"),
        Change::Quoted,
        Change::bad("garbage", "\"an hour {canary}\""),
        Change::odd("fraction", "3599.5"),
        Change::Missing,
        Change::odd("null", "null"),
        Change::bad("1e300", "1e300"),
        Change::bad("u64-max", "18446744073709551615"),
        Change::bad("beyond-u64", "99999999999999999999999999"),
        Change::bad("ten-years", "315360000"),
        Change::bad("nan", "NaN"),
        Change::bad("object", "{\"seconds\":3600,\"note\":\"{canary}\"}"),
        Change::Twice,
    ]
    .into_iter()
    .map(|change| Fault::field(Field::Lifetime, change))
    .collect()
}

fn tokens() -> Vec<Fault> {
    let long = format!("\"{CANARY}{}\"", "a".repeat(1 << 20));
    let of_token = [
        Change::Missing,
        Change::bad("null", "null"),
        Change::bad("empty", "\"\""),
        Change::bad("number", "12345"),
        Change::bad("array", "[\"{canary}\"]"),
        Change::bad("line-break", "\"{canary}\\r\\nX-Injected: 1\""),
        Change::bad("nul", "\"{canary}\\u0000\""),
        Change::bad("non-ascii", "\"{canary}\u{e9}\u{2603}\""),
        Change::bad("long", long),
        Change::Twice,
    ];
    let of_type = [
        Change::Missing,
        Change::odd("null", "null"),
        Change::bad("mac", "\"mac\""),
        Change::bad("number", "1"),
    ];
    let of_token = of_token.map(|change| Fault::field(Field::Token, change));
    let of_type = of_type.map(|change| Fault::field(Field::TokenType, change));
    of_token.into_iter().chain(of_type).collect()
}

/// Deep enough to overflow the stack of a parser that recurses without a bound.
const DEEP: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_a_name_of_its_own() {
        let mut names: Vec<_> = Fault::all().iter().map(ToString::to_string).collect();
        let count = names.len();

        names.sort();
        names.dedup();

        assert_eq!(names.len(), count);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(
            names.iter().all(|name| name.chars().all(plain)),
            "{names:?}"
        );
    }
}
