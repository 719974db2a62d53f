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
