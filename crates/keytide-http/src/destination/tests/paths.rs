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
        (
            "https://narrow.example/v1/invoices/a%3fb",
            No(Ambiguous),
            No(Ambiguous),
        ),
        (
            "https://narrow.example/v1/invoices/a%23b",
            No(Ambiguous),
            No(Ambiguous),
        ),
    ];

    hold(&table);
}

#[test]
fn a_character_that_folds_to_grammar_is_refused_raw_and_encoded() {
    for folds in [
        '\u{ff0e}',
        '\u{2024}',
        '\u{2025}',
        '\u{2026}',
        '\u{fe52}',
        '\u{2488}',
        '\u{249b}',
        '\u{1f100}',
        '\u{33c2}',
        '\u{ff0f}',
        '\u{2100}',
        '\u{2105}',
        '\u{2044}',
        '\u{2215}',
        '\u{bd}',
        '\u{ff3c}',
        '\u{fe68}',
        '\u{a5}',
        '\u{20a9}',
        '\u{2216}',
        '\u{ff05}',
        '\u{fe6a}',
        '\u{66a}',
        '\u{ff1b}',
        '\u{37e}',
        '\u{fe14}',
        '\u{ff1f}',
        '\u{2047}',
        '\u{fe16}',
        '\u{fe56}',
        '\u{ff03}',
        '\u{fe5f}',
        '\u{fe19}',
        '\u{fe30}',
    ] {
        let encoded: String = folds
            .to_string()
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        for written in [folds.to_string(), encoded] {
            let url = format!("https://narrow.example/v1/invoices/a{written}b");
            for judged in [as_url(&url, &Method::GET), as_uri(&url, &Method::GET)] {
                assert_eq!(judged.unwrap(), Err(Rule::AmbiguousPath), "{folds:?} {url}");
            }
        }
    }
    for plain in ["ä", "é", "日本", "ｱ", "ﬁ", "²", "Å", "한"] {
        let url = format!("https://narrow.example/v1/invoices/{plain}");
        assert!(as_url(&url, &Method::GET).unwrap().is_ok(), "{plain}");
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
