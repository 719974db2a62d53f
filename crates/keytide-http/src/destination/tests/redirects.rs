use super::*;
use crate::target::Target;

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
    let head = |index: usize| RequestHead {
        method: &Method::GET,
        target: Target::of_url(&urls[index]),
        headers: &headers,
    };
    let id = |index: usize| destinations.judge(&head(index)).unwrap();
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
        let judged = destinations.judge_redirect(id(from), &head(to));

        assert_eq!(judged.is_ok(), followed, "{from:?} {to:?}");
        let told = judged.err().map(|error| (error.kind(), error.rule()));
        let expected = Some((ErrorKind::Redirect, Some(Rule::Downgrade)));
        assert!(followed || told == expected);
    }
}
