use super::*;

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

#[test]
fn what_could_never_match_is_refused_and_why_is_told() {
    let origin = "https://api.example.com";
    let with_path = |path: &str| Destination::new(origin).path(path);
    let long = format!("https://{}.example", "a".repeat(64));
    let with_method = |method: &str| {
        Destination::new(origin).methods([Method::from_bytes(method.as_bytes()).unwrap()])
    };
    for (destination, told) in [
        ("https://*.example.com".into(), "wildcards"),
        ("https://*".into(), "wildcards"),
        ("https://api.example.com.".into(), "ends with a dot"),
        ("https://api..example.com".into(), "empty label"),
        ("https://.example.com".into(), "empty label"),
        (long.as_str().into(), "longer"),
        ("https://api!.example.com".into(), "stands in no name"),
        ("https://{region}.example.com".into(), "stands in no name"),
        (
            "https://api.example.com,b.example.com".into(),
            "stands in no name",
        ),
        ("https://api.example.com:0".into(), "port 0"),
        ("https://@api.example.com".into(), "user name"),
        ("https://:@api.example.com".into(), "user name"),
        (
            "api.example.com".into(),
            "api.example.com has no scheme: write https://",
        ),
        ("api.example.com:443".into(), "write https://"),
        ("localhost:8080".into(), "write https://"),
        ("wss://api.example.com".into(), "not wss"),
        ("https://[fe80::1%25eth0]".into(), "not a valid URL"),
        ("https://api.example.com:65536".into(), "not a valid URL"),
        (with_path("/ä"), "/%C3%A4"),
        (with_path("/{id}"), "/%7Bid%7D"),
        (with_path("/a\"b"), "percent-encoded"),
        (with_method("get"), "GET"),
        (with_method("Post"), "POST"),
    ] {
        let error = Allowed::new(&destination).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{destination:?}");
        let text = error.to_string();
        assert!(
            text.contains(told) && text.len() < 300,
            "{destination:?}: {text}"
        );
    }
    for right in [
        "https://a_b.example.com",
        "https://x",
        "https://api.example.com:80",
        "https://xn--bcher-kva.example",
    ] {
        assert!(Allowed::new(&right.into()).is_ok(), "{right}");
    }
    for destination in [
        with_path("/%C3%A4"),
        with_path("/a:b@c"),
        with_method("MKCOL"),
        with_method("purge"),
    ] {
        assert!(Allowed::new(&destination).is_ok(), "{destination:?}");
    }
    // What may be a password is not shown.
    let error = Allowed::new(&"user:canary@api.example.com".into()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}
