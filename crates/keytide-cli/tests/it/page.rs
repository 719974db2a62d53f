//! What `--out` writes: pictures and a page that need nothing beside them.

use std::path::Path;

use crate::run::{keytide, measured, stderr, text};

/// A report with what a hostile name could do, written by hand: the page is made from the report alone.
const REPORT: &str = r#"{
  "schema": 1, "partial": false, "quick": true, "began": 0, "took_s": 1.0,
  "better": ["<script>alert(1)</script> & 'quotes'"],
  "noise": {"worst": 0.5, "at": "hit", "too_noisy": true, "ratios": 2, "apart": 1,
    "rows": [{"case": "refresh hanging", "subject": "<b>peer</b>", "column": "p99.9", "spread": 0.5}]},
  "goals": [{"measure": "a", "goal": "1", "measured": "2", "met": false}],
  "subjects": [
    {"name": "keytide", "crate": "keytide-core", "version": "0.1.0", "role": "keytide", "setup": "", "path": "", "margin_s": 1, "jitter_s": 0},
    {"name": "<b>peer</b> with a name that is longer than any table likes", "crate": "", "version": "1.0.0", "role": "peer", "setup": "\"x\"", "path": "https://example.invalid/", "margin_s": 1, "jitter_s": 0}
  ],
  "cases": [{
    "scenario": "refresh", "case": "hanging", "title": "Hanging", "text": "a <i>text</i>",
    "columns": [{"key": "p999", "title": "p99.9", "unit": "ns", "better": "lower"}, {"key": "waited", "title": "waited", "unit": "%", "better": "lower"}],
    "rows": [
      {"subject": "keytide", "values": {"p999": 300.0, "waited": 0.0}},
      {"subject": "<b>peer</b> with a name that is longer than any table likes", "values": {"p999": 1.5e9, "waited": 78.0}, "spread": {"p999": 0.5}, "note": "a <note>"}
    ],
    "series": [
      {"subject": "keytide", "kind": "over time", "points": [[-0.5, 100.0], [0.0, 200.0], [1.0, 100.0]]},
      {"subject": "<b>peer</b> with a name that is longer than any table likes", "kind": "over time", "points": [[-0.5, 100.0], [0.0, 1.5e9], [1.0, 5.0e8]]},
      {"subject": "<b>peer</b> with a name that is longer than any table likes", "kind": "failed over time", "points": [[0.5, 1.0], [0.51, 1.0], [0.9, 1.0]]},
      {"subject": "keytide", "kind": "distribution", "points": [[1.0, 60.0], [10.0, 70.0], [100.0, 90.0]]},
      {"subject": "<b>peer</b> with a name that is longer than any table likes", "kind": "distribution", "points": [[1.0, 60.0], [10.0, 1.0e9], [100.0, 1.5e9]]}
    ]
  }],
  "method": ["a & b"],
  "machine": {"cpu": "<cpu>", "cores": 2, "system": "linux", "load": "0.1", "build": "optimised"}
}"#;

#[test]
fn the_page_loads_nothing_and_carries_no_markup_of_a_report() {
    let dir = written(REPORT);
    let page = text(&dir.path().join("report.html"));

    for loads in [
        "src=",
        "href=\"http",
        "url(",
        "@import",
        "<script",
        "<link",
        "<iframe",
        "<object",
        "<b>peer",
        "<i>text",
        "<cpu>",
        "<note>",
    ] {
        assert!(!page.contains(loads), "{loads}");
    }
    // The only addresses are the names of XML's vocabularies, which nothing is loaded from, and text.
    let addresses = page.matches("http://").count();
    assert_eq!(
        addresses,
        page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count()
    );
    assert!(page.contains("prefers-color-scheme:dark"));
    assert!(page.contains("width=device-width"));
    let picture = page.find("<figure>").expect("a picture");
    let better = page.find("Where a peer is better").expect("it is told");
    assert!(picture < better, "what a reader came for comes first");
    let goals = page.find("Goals of keytide").expect("goals are told");
    assert!(better < goals, "where a peer is better comes next");
    assert!(page.contains("too noisy") && page.contains("1.50 s ~"));
    assert!(
        page.contains("refresh hanging: &lt;b&gt;peer"),
        "which figures"
    );
    well_formed(&page);
}

#[test]
fn numbers_out_of_all_bounds_make_no_endless_axis() {
    for wild in ["1e300", "-1e300", "0.0", "1e-300"] {
        let report = REPORT
            .replace("[1.0, 60.0]", &format!("[{wild}, {wild}]"))
            .replace("[1.0, 100.0]", &format!("[{wild}, {wild}]"))
            .replace("\"p999\": 300.0", &format!("\"p999\": {wild}"));

        let dir = written(&report);

        let page = text(&dir.path().join("report.html"));
        well_formed(&page);
        assert!(
            page.len() < 100_000 && !page.contains("NaN"),
            "{wild}: {}",
            page.len()
        );
    }
}

#[test]
fn pictures_are_well_formed_and_stand_alone() {
    let dir = written(REPORT);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "svg") {
            let picture = text(&path);
            well_formed(&picture);
            assert!(picture.contains("prefers-color-scheme:dark"), "{path:?}");
            assert!(
                !picture.contains("href") && !picture.contains("NaN"),
                "{path:?}"
            );
            assert!(picture.contains("&lt;b&gt;peer"), "{path:?}");
            names.push(name(&path));
        }
    }
    names.sort();

    assert_eq!(
        names,
        [
            "refresh-hanging-distribution.svg",
            "refresh-hanging-over-time.svg"
        ]
    );
}

#[test]
fn a_measured_report_gives_pictures_of_cost_and_throughput() {
    let dir = measured().dir.path();

    for name in ["hit-one-thread-cost.svg", "hit-throughput-readers.svg"] {
        let picture = text(&dir.join(name));
        well_formed(&picture);
        assert!(picture.contains("keytide handle"), "{name}");
    }
    assert!(text(&dir.join("report.html")).contains("CPU time of one read"));
}

#[test]
fn the_block_of_a_readme_is_rewritten_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let readme = dir.path().join("README.md");
    let (begin, end) = (
        "<!-- keytide bench: begin -->",
        "<!-- keytide bench: end -->",
    );
    std::fs::write(&readme, format!("before\n{begin}\nold\n{end}\nafter\n")).expect("written");
    let report = dir.path().join("report.json");
    std::fs::write(&report, REPORT).expect("written");
    let report = report.to_str().expect("UTF-8");
    let args = [
        "bench",
        "--from",
        report,
        "--pictures",
        "https://example.invalid/p/",
    ];

    let output = keytide(&[&args[..], &["--readme", readme.to_str().expect("UTF-8")]].concat());

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = text(&readme);
    assert!(
        text.starts_with(&format!("before\n{begin}\n"))
            && text.ends_with(&format!("{end}\nafter\n"))
    );
    assert!(
        !text.contains("old\n") && text.contains("A peer is better in one figure."),
        "{text}"
    );
    assert!(
        text.contains("![")
            && text.contains("](https://example.invalid/p/refresh-hanging-over-time.svg)"),
        "{text}"
    );
}

#[test]
fn the_comparison_says_all_and_links_to_the_pictures_beside_it() {
    let dir = written(REPORT);

    let page = text(&dir.path().join("comparison.md"));

    for (name, _) in page
        .match_indices("](")
        .map(|(at, _)| page[at + 2..].split_once(')').expect("it ends"))
    {
        assert!(dir.path().join(name).is_file(), "{name}");
    }
    let at = |what: &str| page.find(what).unwrap_or_else(|| panic!("{what}: {page}"));
    let order = [
        "refresh-hanging-over-time.svg",
        "## Where a peer is better",
        "| a | 1 | 2 | **missed** |",
        "refresh-hanging-distribution.svg",
        "- refresh hanging: &lt;b>peer",
        "- a & b",
    ];
    assert!(order.map(at).is_sorted(), "{page}");
    assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
}

fn written(report: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("in.json");
    std::fs::write(&file, report).expect("written");
    let (from, out) = (
        file.to_str().expect("UTF-8"),
        dir.path().to_str().expect("UTF-8"),
    );
    let output = keytide(&["bench", "--from", from, "--out", out]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    dir
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

/// Whether every element that is opened is closed, in order, and every `&` begins an entity. `meta` and `!DOCTYPE` need no
/// end in HTML.
fn well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        entities(&rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes of {tag}");
        assert!(!tag.contains('<'), "{tag}");
        let name = tag
            .split([' ', '/'])
            .find(|part| !part.is_empty())
            .expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed in order");
        } else if !tag.ends_with('/') && !["meta", "!DOCTYPE"].contains(&name) {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn entities(text: &str) {
    for part in text.split('&').skip(1) {
        let name = part.split(';').next().unwrap_or_default();
        assert!(
            ["amp", "lt", "gt", "quot", "#39"].contains(&name),
            "&{name}"
        );
    }
}
