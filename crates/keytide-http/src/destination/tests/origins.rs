use Is::{No, P, Sent};

use super::*;

#[test]
fn where_a_request_may_go() {
    use Rule::{Host, Origin, Scheme, Userinfo};
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
    ];

    let at_once = hold(&table);

    assert!(table.len() >= 60);
    #[cfg(feature = "tower")]
    assert!(at_once >= 5, "{at_once}");
    #[cfg(not(feature = "tower"))]
    assert_eq!(at_once, 0);
}
