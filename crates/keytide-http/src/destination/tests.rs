use http::{HeaderMap, Uri};
use url::Url;

use super::*;
use crate::ErrorKind;

#[test]
fn a_destination_is_an_origin_with_https_or_on_this_machine() {
    use ErrorKind::{InsecureDestination, InvalidArgument};
    for (text, expected) in [
        ("https://api.example.com", Ok("https://api.example.com")),
        (
            "https://API.Example.com:443/",
            Ok("https://api.example.com"),
        ),
        (
            "https://api.example.com:8443",
            Ok("https://api.example.com:8443"),
        ),
        (
            "https://bücher.example",
            Ok("https://xn--bcher-kva.example"),
        ),
        ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
        ("http://127.1", Ok("http://127.0.0.1")),
        ("http://[::1]:8080", Ok("http://[::1]:8080")),
        ("http://LOCALHOST:8080", Ok("http://localhost:8080")),
        ("http://api.example.com", Err(InsecureDestination)),
        ("http://10.0.0.1", Err(InsecureDestination)),
        ("http://0.0.0.0", Err(InsecureDestination)),
        ("http://[::ffff:127.0.0.1]", Err(InsecureDestination)),
        ("http://localhost.example.com", Err(InsecureDestination)),
        ("http://api.localhost", Err(InsecureDestination)),
        ("http://localhost.", Err(InvalidArgument)),
        ("https://api.example.com.", Err(InvalidArgument)),
        ("https://api.example.com。", Err(InvalidArgument)),
        ("https://user@api.example.com", Err(InvalidArgument)),
        ("https://api.example.com/v1", Err(InvalidArgument)),
        ("https://api.example.com/?a", Err(InvalidArgument)),
        ("https://api.example.com/#a", Err(InvalidArgument)),
        ("https://*.example.com:x", Err(InvalidArgument)),
        ("ftp://api.example.com", Err(InvalidArgument)),
        ("api.example.com", Err(InvalidArgument)),
        ("", Err(InvalidArgument)),
    ] {
        let parsed = Allowed::new(&text.into());

        let got = parsed
            .as_ref()
            .map(Allowed::origin)
            .map_err(|error| error.kind());
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn a_path_or_a_list_of_methods_that_means_nothing_is_no_destination() {
    let origin = || Destination::new("https://api.example.com");
    for wrong in [
        "",
        "v1",
        "/v1/../v2",
        "/a//b",
        "/%2e",
        "/a\\b",
        "/a;b",
        "/a?b",
        "/a#b",
        "/%zz",
        "/.",
        "/a b",
    ] {
        let error = Allowed::new(&origin().path(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}");
    }
    assert!(Allowed::new(&origin().methods([])).is_err());
    for right in [
        "/",
        "/v1",
        "/v1/",
        "/v1/x.y/~z",
        "/%C3%A4",
        "/a%20b",
        "/..x",
        "/x..",
    ] {
        assert!(Allowed::new(&origin().path(right)).is_ok(), "{right}");
    }
}

const ANY: &str = "https://api.example.com";
const PORT: &str = "https://api.example.com:8443";
const IDNA: &str = "https://bücher.example";
const V4: &str = "http://127.0.0.1:8080";
const V6: &str = "https://[2001:db8::1]";
const LOCAL: &str = "http://localhost:8080";
const NARROW: &str = "https://narrow.example";

fn destinations() -> Destinations {
    let narrow = Destination::new(NARROW)
        .methods([Method::GET])
        .path("/v1/invoices")
        .path("/public/");
    let all: Vec<Destination> = [ANY, PORT, IDNA, V4, V6, LOCAL]
        .map(Destination::from)
        .into_iter()
        .chain([narrow])
        .collect();
    Destinations::new(&all).unwrap()
}

/// What is said of a URL once `url` has parsed it, as reqwest sends it; `None`: it does not parse.
fn as_url(text: &str, method: &Method) -> Option<Result<String, Rule>> {
    let url = Url::parse(text).ok()?;
    Some(judged(method, Ok(Target::of_url(&url))))
}

/// What is said of the same text as a URI, which nobody normalises, as hyper sends it; `None`: it does not parse.
fn as_uri(text: &str, method: &Method) -> Option<Result<String, Rule>> {
    let uri: Uri = text.parse().ok()?;
    Some(judged(method, Target::of_uri(&uri)))
}

fn judged(method: &Method, target: Result<Target<'_>, crate::Error>) -> Result<String, Rule> {
    let (destinations, headers) = (destinations(), HeaderMap::new());
    let rule = |error: crate::Error| error.rule().unwrap();
    let asked = Asked {
        method,
        target: target.map_err(rule)?,
        headers: &headers,
    };
    let place = destinations.judge(&asked).map_err(rule)?;
    Ok(destinations.at(place).origin().to_owned())
}

/// A URL; what becomes of it through reqwest; what becomes of it through hyper. `P`: it does not parse.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Sent,
    No(Rule),
    P,
}

#[test]
fn where_a_request_may_go() {
    use Is::{No, P, Sent};
    use Rule::{AmbiguousPath as Ambiguous, Host, Origin, Path, Scheme, Userinfo};
    let table = [
        // What is admitted, however it is written.
        ("https://api.example.com/", Sent, Sent),
        ("https://api.example.com", Sent, Sent),
        ("https://api.example.com/a/b?c=d", Sent, Sent),
        ("https://API.EXAMPLE.COM/", Sent, Sent),
        ("HTTPS://api.example.com/", Sent, Sent),
        ("https://api.example.com:443/", Sent, Sent),
        ("https://api.example.com:0443/", Sent, Sent),
        ("https://api.example.com:8443/", Sent, Sent),
        ("https://xn--bcher-kva.example/", Sent, Sent),
        ("https://bücher.example/", Sent, P),
        ("https://BÜCHER.example/", Sent, P),
        ("http://127.0.0.1:8080/", Sent, Sent),
        ("http://localhost:8080/", Sent, Sent),
        ("http://LocalHost:8080/", Sent, Sent),
        ("https://[2001:db8::1]/", Sent, Sent),
        ("https://[2001:DB8::1]/", Sent, Sent),
        // The same address in other words: normalised by one parser, another host for the other.
        ("http://127.1:8080/", Sent, No(Origin)),
        ("http://0x7f000001:8080/", Sent, No(Origin)),
        ("http://0177.0.0.1:8080/", Sent, No(Origin)),
        ("http://2130706433:8080/", Sent, No(Origin)),
        ("http://127.0.0.1.:8080/", Sent, No(Origin)),
        ("https://[2001:db8:0:0:0:0:0:1]/", Sent, No(Origin)),
        ("https://[2001:0db8::0001]/", Sent, No(Origin)),
        ("https://%61pi.example.com/", Sent, P),
        ("https://api。example。com/", Sent, P),
        ("https://ａｐｉ.example.com/", Sent, P),
        // Others.
        ("https://evil.example/", No(Origin), No(Origin)),
        (
            "https://api.example.com.evil.example/",
            No(Origin),
            No(Origin),
        ),
        (
            "https://evil.example/https://api.example.com/",
            No(Origin),
            No(Origin),
        ),
        (
            "https://evil.example/?https://api.example.com/",
            No(Origin),
            No(Origin),
        ),
        (
            "https://evil.example#@api.example.com/",
            No(Origin),
            No(Origin),
        ),
        ("https://evil.example\\@api.example.com/", No(Origin), P),
        ("https://evilapi.example.com/", No(Origin), No(Origin)),
        ("https://www.api.example.com/", No(Origin), No(Origin)),
        ("https://example.com/", No(Origin), No(Origin)),
        ("https://api-example.com/", No(Origin), No(Origin)),
        ("https://api.example.co/", No(Origin), No(Origin)),
        ("https://api.example.com./", No(Origin), No(Origin)),
        ("https://api.example.com../", No(Origin), No(Origin)),
        ("https://api.example.com:8080/", No(Origin), No(Origin)),
        ("https://api.example.com:80/", No(Origin), No(Origin)),
        ("https://bucher.example/", No(Origin), No(Origin)),
        ("https://xn--bcher-kvb.example/", P, No(Origin)),
        ("https://аpi.example.com/", No(Origin), P),
        ("http://api.example.com/", No(Origin), No(Origin)),
        ("http://api.example.com:443/", No(Origin), No(Origin)),
        ("https://127.0.0.1:8080/", No(Origin), No(Origin)),
        ("http://127.0.0.1/", No(Origin), No(Origin)),
        ("http://127.0.0.2:8080/", No(Origin), No(Origin)),
        ("http://0.0.0.0:8080/", No(Origin), No(Origin)),
        ("http://0:8080/", No(Origin), No(Origin)),
        ("http://[::1]:8080/", No(Origin), No(Origin)),
        ("http://[::]:8080/", No(Origin), No(Origin)),
        ("http://[::ffff:127.0.0.1]:8080/", No(Origin), No(Origin)),
        ("http://[::ffff:7f00:1]:8080/", No(Origin), No(Origin)),
        ("http://localhost.:8080/", No(Origin), No(Origin)),
        ("http://localhost.localdomain:8080/", No(Origin), No(Origin)),
        ("https://[2001:db8::1]e/", P, No(Host)),
        ("https://[2001:db8::1].evil.example/", P, No(Host)),
        ("https://[2001:db8::1]443/", P, No(Host)),
        ("https://[2001:db8::2]/", No(Origin), No(Origin)),
        ("https://[2001:db8::1%25eth0]/", P, No(Origin)),
        ("https://[2001:db8::1%eth0]/", P, No(Origin)),
        // User names and passwords, and what only looks like them.
        ("https://user@api.example.com/", No(Userinfo), No(Userinfo)),
        (
            "https://user:word@api.example.com/",
            No(Userinfo),
            No(Userinfo),
        ),
        ("https://:word@api.example.com/", No(Userinfo), No(Userinfo)),
        (
            "https://api.example.com@evil.example/",
            No(Userinfo),
            No(Userinfo),
        ),
        (
            "https://api.example.com:443@evil.example/",
            No(Userinfo),
            No(Userinfo),
        ),
        (
            "https://evil.example@api.example.com/",
            No(Userinfo),
            No(Userinfo),
        ),
        ("https://api.example.com%40evil.example/", P, P),
        ("https://@api.example.com/", Sent, No(Userinfo)),
        // No host, another scheme, no port.
        ("ws://api.example.com/", No(Scheme), No(Scheme)),
        ("ftp://api.example.com/", No(Scheme), No(Scheme)),
        ("file:///etc/passwd", No(Scheme), P),
        ("data:,x", No(Scheme), No(Host)),
        ("javascript:alert(1)", No(Scheme), No(Host)),
        ("api.example.com:443", No(Scheme), No(Scheme)),
        ("/v1/invoices", P, No(Host)),
        ("//api.example.com/", P, No(Host)),
        ("https://", P, P),
        ("https:///", P, P),
        ("https://api.example.com:/", Sent, No(Host)),
        ("https://api.example.com:65536/", P, No(Host)),
        ("https://api.example.com:443x/", P, No(Host)),
        ("https://api.example.com:-1/", P, No(Host)),
        ("https://api.example.com:+443/", P, No(Host)),
        // What a parser strips, turns or refuses.
        ("https://api.exa\tmple.com/", Sent, P),
        ("https://api.exa\nmple.com/", Sent, P),
        (" https://api.example.com/", Sent, P),
        ("https:/\\api.example.com/", Sent, P),
        ("https:\\\\api.example.com\\", Sent, P),
        ("https:api.example.com/", Sent, P),
        ("https://api.example.com\\.evil.example/", Sent, P),
        ("https://evil.example\t@api.example.com/", No(Userinfo), P),
        ("https://api .example.com/", P, P),
        ("https://api.example.com\0/", P, P),
        ("https://api%2eexample.com/", Sent, P),
        ("https://api.example.com%2f.evil.example/", P, P),
        ("https://api.example.com%00.evil.example/", P, P),
        // Paths, where a destination admits some only.
        ("https://narrow.example/v1/invoices", Sent, Sent),
        ("https://narrow.example/v1/invoices/", Sent, Sent),
        ("https://narrow.example/v1/invoices/7?a=/../../", Sent, Sent),
        ("https://narrow.example/v1/invoices/%C3%A4%20b", Sent, Sent),
        ("https://narrow.example/v1/invoices/..7/7..", Sent, Sent),
        ("https://narrow.example/public/", Sent, Sent),
        ("https://narrow.example/public/x", Sent, Sent),
        ("https://narrow.example/public", No(Path), No(Path)),
        ("https://narrow.example", No(Path), No(Path)),
        ("https://narrow.example/", No(Path), No(Path)),
        ("https://narrow.example/v1", No(Path), No(Path)),
        ("https://narrow.example/v1/invoices7", No(Path), No(Path)),
        ("https://narrow.example/V1/invoices", No(Path), No(Path)),
        ("https://narrow.example/v1/admin", No(Path), No(Path)),
        ("https://narrow.example/?/v1/invoices", No(Path), No(Path)),
        ("https://narrow.example/%76%31/invoices", No(Path), No(Path)),
        (
            "https://narrow.example/v1/invoices/../admin",
            No(Path),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/./7",
            Sent,
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/a/../7",
            Sent,
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%2e%2e/admin",
            No(Path),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%2E./admin",
            No(Path),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices\\..\\..\\admin",
            No(Path),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/x%2e",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%2f../admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%2F%2e%2e%2Fadmin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/..%2fadmin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/..%5cadmin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/..%255cadmin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%252e%252e/admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%25252e/admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/..;/admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/;a=b",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/..%3b/admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices//admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example//v1/invoices",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/.../admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/..%20/admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%00",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%0d%0a",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%2",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%u002e",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%c0%ae%c0%ae/admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%e0%80%af",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/%ef%bc%8e%ef%bc%8e/admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/..%ef%bc%8fadmin",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/．．／admin",
            No(Ambiguous),
            No(Ambiguous),
        ),
    ];

    let mut wrong = Vec::new();
    for (text, by_reqwest, by_hyper) in table {
        let said = |judged: Option<Result<String, Rule>>| match judged {
            None => P,
            Some(Ok(_)) => Sent,
            Some(Err(rule)) => No(rule),
        };
        let got = (
            said(as_url(text, &Method::GET)),
            said(as_uri(text, &Method::GET)),
        );
        if got != (by_reqwest, by_hyper) {
            wrong.push(format!(
                "{text:?}: {got:?}, not {:?}",
                (by_reqwest, by_hyper)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.len() >= 60);

    // What is admitted at once, by what is written, is what the rules admit.
    #[cfg(feature = "tower")]
    {
        let mut at_once = 0;
        for (text, _, by_hyper) in table {
            let Ok(uri) = text.parse::<Uri>() else {
                continue;
            };
            let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
                continue;
            };
            if destinations()
                .written_so(scheme, authority.as_str())
                .is_some()
            {
                assert_eq!(by_hyper, Sent, "{text}");
                at_once += 1;
            }
        }
        assert!(at_once >= 5, "{at_once}");
    }
}

#[test]
fn a_long_path_is_judged_as_a_short_one_is() {
    for length in [10, 240, 250, 260, 5000] {
        let start = format!("https://narrow.example/v1/invoices/{}", "x".repeat(length));
        let judged = |end: &str| as_uri(&format!("{start}{end}"), &Method::GET).unwrap();

        assert_eq!(judged("/%C3%A4"), Ok(NARROW.to_owned()), "{length}");
        assert_eq!(judged("/%2e%2e/y"), Err(Rule::AmbiguousPath), "{length}");
        assert_eq!(judged("/../y"), Err(Rule::AmbiguousPath), "{length}");
    }
}

#[test]
fn without_a_path_rule_every_path_of_the_origin_is_admitted() {
    for path in ["/%2e%2e%2fx", "//x", "/a;b", "/%00", "/%zz"] {
        let text = format!("https://api.example.com{path}");
        assert_eq!(as_url(&text, &Method::PUT).unwrap().unwrap(), ANY, "{path}");
        assert_eq!(as_uri(&text, &Method::PUT).unwrap().unwrap(), ANY, "{path}");
    }
}

#[test]
fn a_method_that_is_not_admitted_is_refused_and_so_is_one_in_disguise() {
    let destinations = destinations();
    let (url, elsewhere) = (
        Url::parse("https://narrow.example/v1/invoices").unwrap(),
        Url::parse("https://api.example.com/").unwrap(),
    );
    let judge = |method: &Method, url: &Url, header: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(name) = header {
            headers.insert(name, "DELETE".parse().unwrap());
        }
        let target = Target::of_url(url);
        let asked = Asked {
            method,
            target,
            headers: &headers,
        };
        destinations
            .judge(&asked)
            .err()
            .and_then(|error| error.rule())
    };

    assert_eq!(judge(&Method::GET, &url, None), None);
    for method in [Method::POST, Method::HEAD, Method::DELETE] {
        assert_eq!(judge(&method, &url, None), Some(Rule::Method));
        assert_eq!(judge(&method, &elsewhere, None), None);
    }
    for header in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        assert_eq!(judge(&Method::GET, &url, Some(header)), Some(Rule::Method));
        assert_eq!(judge(&Method::GET, &elsewhere, Some(header)), None);
    }
}

#[test]
fn of_two_destinations_of_one_origin_either_may_admit_a_request() {
    let both = [
        Destination::new(NARROW).methods([Method::GET]).path("/a"),
        Destination::new(NARROW).methods([Method::POST]).path("/b"),
    ];
    let (destinations, headers) = (Destinations::new(&both).unwrap(), HeaderMap::new());
    for (method, path, admitted) in [
        (Method::GET, "/a", true),
        (Method::POST, "/b", true),
        (Method::POST, "/a", false),
        (Method::GET, "/b", false),
    ] {
        let url = Url::parse(&format!("{NARROW}{path}")).unwrap();
        let asked = Asked {
            method: &method,
            target: Target::of_url(&url),
            headers: &headers,
        };
        assert_eq!(
            destinations.judge(&asked).is_ok(),
            admitted,
            "{method} {path}"
        );
    }
}

#[test]
fn a_redirect_from_https_to_http_is_refused_even_between_destinations() {
    let texts = [
        "https://api.example.com",
        "https://127.0.0.1",
        "http://127.0.0.1:8080",
    ];
    let destinations = Destinations::new(&texts.map(Destination::from)).unwrap();
    let headers = HeaderMap::new();
    let urls = texts.map(|text| Url::parse(&format!("{text}/path?query")).unwrap());
    let asked = |index: usize| Asked {
        method: &Method::GET,
        target: Target::of_url(&urls[index]),
        headers: &headers,
    };
    let place = |index: usize| destinations.judge(&asked(index)).unwrap();
    const API: usize = 0;
    const SECURE: usize = 1;
    const CLEAR: usize = 2;

    for (from, to, followed) in [
        (API, SECURE, true),
        (SECURE, API, true),
        (CLEAR, API, true),
        (CLEAR, CLEAR, true),
        (API, CLEAR, false),
        (SECURE, CLEAR, false),
    ] {
        let judged = destinations.judge_redirect(place(from), &asked(to));

        assert_eq!(judged.is_ok(), followed, "{from:?} {to:?}");
        let told = judged.err().map(|error| (error.kind(), error.rule()));
        let expected = Some((ErrorKind::Redirect, Some(Rule::Downgrade)));
        assert!(followed || told == expected);
    }
}
