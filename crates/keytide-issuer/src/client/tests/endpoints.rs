//! URLs, judged before anything is sent.

use keytide_core::ErrorKind;

use crate::client::Endpoint;
use crate::client::endpoint::Route;

#[test]
fn only_tls_loopback_and_documented_metadata_addresses_are_endpoints() {
    use Route::{Loopback, Metadata, Public, SecureLoopback};
    for (url, expected) in [
        ("https://login.example.com/token", Some(Public)),
        ("HTTPS://LOGIN.example.com:8443/token?x=1", Some(Public)),
        ("https://bücher.example/token", Some(Public)),
        ("https://10.0.0.5/token", Some(Public)),
        ("https://192.168.1.1/token", Some(Public)),
        ("https://[2001:db8::1]/token", Some(Public)),
        ("https://localhost/token", Some(SecureLoopback)),
        ("https://127.0.0.1:9443/token", Some(SecureLoopback)),
        ("https://[::1]/token", Some(SecureLoopback)),
        ("http://localhost:8080/token", Some(Loopback)),
        ("http://127.0.0.1/token", Some(Loopback)),
        ("http://127.255.255.254/token", Some(Loopback)),
        ("http://[::1]:8080/token", Some(Loopback)),
        ("http://2130706433/token", Some(Loopback)),
        ("http://169.254.169.254/latest/api/token", Some(Metadata)),
        ("http://169.254.170.2/v2/credentials", Some(Metadata)),
        ("http://169.254.170.23/v1/credentials", Some(Metadata)),
        ("http://[fd00:ec2::254]/latest/api/token", Some(Metadata)),
        ("http://[fd00:ec2::23]/v1/credentials", Some(Metadata)),
        ("http://[fd20:ce::254]/computeMetadata/v1/", Some(Metadata)),
        ("http://0xa9fea9fe/", Some(Metadata)),
        // Clear text to anybody else.
        ("http://login.example.com/token", None),
        ("http://10.0.0.5/token", None),
        ("http://metadata.google.internal/", None),
        ("http://localhost.example.com/", None),
        ("http://api.localhost/", None),
        ("http://169.254.169.253/", None),
        ("http://169.254.0.1/", None),
        ("http://[fe80::1]/", None),
        ("http://[fd00:ec2::255]/", None),
        // Addresses that no issuer has, with TLS too.
        ("https://169.254.169.254/", None),
        ("https://169.254.1.1/", None),
        ("https://0.0.0.0/", None),
        ("https://0/", None),
        ("https://0.1.2.3/", None),
        ("https://[::]/", None),
        ("https://224.0.0.1/", None),
        ("https://[ff02::1]/", None),
        ("https://255.255.255.255/", None),
        ("https://240.0.0.1/", None),
        ("https://[fe80::1]/", None),
        ("https://[fec0::1]/", None),
        ("https://[fd00:ec2::1]/", None),
        ("https://100.100.100.200/", None),
        ("https://192.0.0.192/", None),
        // One address written as another.
        ("http://[::ffff:127.0.0.1]/", None),
        ("http://[::ffff:169.254.169.254]/", None),
        ("https://[::ffff:8.8.8.8]/", None),
        ("https://[::127.0.0.1]/", None),
        ("https://[64:ff9b::a9fe:a9fe]/", None),
        ("https://[2002:7f00:1::]/", None),
        // What is more than a place to ask.
        ("https://user@login.example.com/token", None),
        ("https://user:secret@login.example.com/token", None),
        ("https://login.example.com@169.254.169.254/", None),
        ("https://login.example.com/token#fragment", None),
        ("https://login.example.com:0/token", None),
        ("https://login.example.com./token", None),
        ("http://localhost./", None),
        ("ftp://login.example.com/", None),
        ("file:///etc/passwd", None),
        ("gopher://127.0.0.1:70/", None),
        ("data:text/plain,token", None),
        ("unix:/var/run/agent.sock", None),
        ("//login.example.com/token", None),
        ("login.example.com/token", None),
        ("https://", None),
        ("https://exa mple.com/", None),
        ("https://[fe80::1%25eth0]/", None),
        ("", None),
    ] {
        let judged = Endpoint::parse(url);

        match (&judged, expected) {
            (Ok(endpoint), Some(route)) => assert_eq!(endpoint.route(), route, "{url}"),
            (Err(error), None) => {
                assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
            _ => panic!("{url}: {judged:?}, not {expected:?}"),
        }
    }
}

#[test]
fn another_path_stays_at_the_origin() {
    let endpoint = Endpoint::parse("http://169.254.169.254").unwrap();

    let token = endpoint.at_path("/latest/api/token").unwrap();
    assert_eq!(token.as_str(), "http://169.254.169.254/latest/api/token");
    let query = token.query("resource", "https://a b/&c");
    assert_eq!(
        query.as_str(),
        "http://169.254.169.254/latest/api/token?resource=https%3A%2F%2Fa+b%2F%26c"
    );
    assert_eq!(
        format!("{query:?}"),
        "Endpoint(http://169.254.169.254/latest/api/token)"
    );
    for path in [
        "//evil.example/x",
        "/\\evil.example/x",
        "\\\\evil.example",
        "latest",
        "",
        "http://evil.example/",
        "@evil.example/",
        ".evil.example/",
        ":80@evil.example/",
    ] {
        let error = endpoint.at_path(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{path}");
    }
    assert!(endpoint.at_path("/\t/evil.example").is_err());
}

#[test]
fn a_platform_may_have_its_token_service_at_a_link_local_address_and_nobody_else() {
    for (url, expected) in [
        ("http://169.254.129.2:8081/msi/token", Some(Route::Metadata)),
        ("http://169.254.169.254/metadata", Some(Route::Metadata)),
        ("http://127.0.0.1:41741/MSI/token/", Some(Route::Loopback)),
        ("http://localhost:42356/msi/token", Some(Route::Loopback)),
        ("https://login.example.com/token", Some(Route::Public)),
        ("https://169.254.129.2/token", None),
        ("http://10.0.0.5/token", None),
        ("http://login.example.com/token", None),
        ("http://100.100.100.200/", None),
        ("http://[fe80::1]/", None),
        ("http://[::ffff:169.254.129.2]/", None),
        ("http://user:secret@169.254.129.2/", None),
    ] {
        let endpoint = Endpoint::parse_of_platform(url);

        assert_eq!(endpoint.ok().map(|known| known.route()), expected, "{url}");
    }
    assert!(Endpoint::parse("http://169.254.129.2:8081/msi/token").is_err());

    let endpoint = Endpoint::parse_of_platform("http://169.254.129.2:8081/msi/token").unwrap();
    let other = endpoint.at_path("/msi/other").unwrap();
    assert_eq!(other.as_str(), "http://169.254.129.2:8081/msi/other");
}
