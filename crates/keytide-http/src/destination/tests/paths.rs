use Is::{No, Sent};

use super::*;

#[test]
fn below_which_paths_a_request_may_go() {
    use Rule::{AmbiguousPath as Ambiguous, Path};
    let table = [
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

    hold(&table);
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
