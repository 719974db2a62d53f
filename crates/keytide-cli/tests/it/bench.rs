//! `keytide bench`: what it prints, and how it ends.

use crate::run::{command, keytide, measured, stderr, stdout, text};

/// The quickest there is.
const HIT: [&str; 5] = ["bench", "hit", "--quick", "--only", "Mutex<Arc>"];

#[test]
fn prints_a_table_that_names_each_subject_with_its_ratio() {
    let measured = measured();

    let table = &measured.table;
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        table.contains("ArcSwap::load + coarse clock (arc-swap 1.9.5)"),
        "{table}"
    );
    assert!(
        table.contains(&format!("keytide read (keytide-core {version})")),
        "{table}"
    );
    assert!(table.contains("× primitive + clock"), "{table}");
    assert!(
        table.contains("get().await, × ArcSwap::load + coarse clock"),
        "a goal: {table}"
    );
    let (first, better) = (table.find("hit one thread"), table.find("No peers"));
    assert!(first < better, "what was asked for comes first: {table}");
    assert!(
        !table.contains('\u{1b}'),
        "no colour where there is no terminal"
    );
    assert_eq!(measured.notes, "", "no progress where there is no terminal");
}

#[test]
fn json_is_one_report_and_nothing_else() {
    let output = keytide(&[&HIT[..], &["--json"]].concat());

    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["quick"], true);
    assert_eq!(report["partial"], false);
    assert!(
        report["machine"]["cores"]
            .as_u64()
            .is_some_and(|cores| cores > 0)
    );
    assert!(
        report["method"]
            .as_array()
            .is_some_and(|lines| lines.len() > 5)
    );
    let subjects = report["subjects"].as_array().expect("a list");
    let base = subjects
        .iter()
        .find(|one| one["name"] == "ArcSwap::load + coarse clock");
    assert_eq!(base.expect("the base takes part")["crate"], "arc-swap");
    assert_eq!(base.expect("the base takes part")["version"], "1.9.5");
    let case = &report["cases"][0];
    assert_eq!(
        (case["scenario"].as_str(), case["case"].as_str()),
        (Some("hit"), Some("one thread"))
    );
    for row in case["rows"].as_array().expect("rows") {
        assert!(
            row["values"]["ns"]
                .as_f64()
                .is_some_and(|nanos| nanos > 0.0),
            "{row}"
        );
        assert!(
            row["values"]["clock"]
                .as_f64()
                .is_some_and(|ratio| ratio > 0.0),
            "{row}"
        );
    }
    let samples = case["series"].as_array().expect("series").iter();
    let rounds = samples.filter(|series| series["kind"] == "rounds");
    assert!(rounds.clone().count() >= 2);
    for series in rounds {
        assert_eq!(
            series["points"].as_array().map(Vec::len),
            Some(31),
            "one for each round"
        );
    }
}

#[test]
fn an_unknown_subject_is_named_with_those_that_there_are() {
    let output = keytide(&["bench", "hit", "--quick", "--only", "nonesuch"]);

    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    let problem = stderr(&output);
    assert!(
        problem.contains("\"nonesuch\"") && problem.contains("keytide read"),
        "{problem}"
    );
}

#[test]
#[cfg(not(feature = "peers"))]
fn a_peer_that_was_not_built_says_how_to_get_it() {
    let output = keytide(&["bench", "--only", "object_store"]);

    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--features peers"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_scenario_among_the_names_is_pointed_out() {
    let output = keytide(&["bench", "--only", "keytide", "hit"]);

    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("name scenarios before --only"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn bad_usage_ends_with_two() {
    let calls: [&[&str]; 5] = [
        &[],
        &["nonesuch"],
        &["bench", "nonesuch"],
        &["bench", "--nonesuch"],
        &["bench", "hit", "--from", "report.json"],
    ];
    for args in calls {
        let output = keytide(args);

        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stdout(&output).is_empty(), "{args:?}");
        assert!(!stderr(&output).is_empty(), "{args:?}");
    }
    let scenarios = stderr(&keytide(&["bench", "nonesuch"]));
    assert!(scenarios.contains("hit, refresh, herd"), "{scenarios}");
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_before_anything_is_measured() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");

    let output = keytide(&["bench", "--out", file.to_str().expect("UTF-8")]);

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--out"), "{}", stderr(&output));
    assert!(stdout(&output).is_empty(), "nothing was measured");
}

#[test]
fn a_readme_without_markers_is_refused_before_anything_is_measured() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("README.md");
    std::fs::write(&file, "no markers\n").expect("written");

    let output = keytide(&["bench", "--readme", file.to_str().expect("UTF-8")]);

    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("keytide bench: begin"),
        "{}",
        stderr(&output)
    );
    assert_eq!(text(&file), "no markers\n");
}

#[test]
fn what_is_no_report_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("report.json");
    for wrong in ["", "{}", "[1", "{\"schema\":1}", "\u{0}"] {
        std::fs::write(&file, wrong).expect("written");

        let output = keytide(&["bench", "--from", file.to_str().expect("UTF-8")]);

        assert_eq!(output.status.code(), Some(1), "{wrong:?}");
        assert!(
            stderr(&output).contains("no report"),
            "{wrong:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_keeps_what_was_measured_and_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().to_str().expect("UTF-8");
    let mut running = command(&["bench", "refresh", "recover", "--quick", "--out", out])
        .args(["--only", "keytide"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let id = running.id().to_string();
    wait_until_interrupts_are_caught(&id);
    // The watch begins a moment before the first step, which must be under way.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let killed = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(killed.expect("kill is there").success());

    let status = running.wait().expect("it ends");

    assert_eq!(status.code(), Some(130));
    let report: serde_json::Value =
        serde_json::from_str(&text(&dir.path().join("report.json"))).expect("JSON");
    assert_eq!(report["partial"], true);
    assert_eq!(
        report["cases"][0]["scenario"], "refresh",
        "the step under way was ended"
    );
    assert_eq!(report["cases"][0]["rows"].as_array().map(Vec::len), Some(1));
    assert!(text(&dir.path().join("report.html")).contains("Partial"));
}

#[test]
fn help_tells_scenarios_and_exit_codes() {
    let output = keytide(&["bench", "--help"]);

    assert_eq!(output.status.code(), Some(0));
    let help = stdout(&output);
    for word in [
        "hit", "refresh", "herd", "cancel", "recover", "scale", "scopes", "http", "130",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

/// The kernel tells which signals a process catches: an interrupt before that would just end it.
#[cfg(target_os = "linux")]
fn wait_until_interrupts_are_caught(id: &str) {
    const SIGINT: u64 = 1 << 1;
    for _ in 0..1000 {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        if caught.is_some_and(|mask| mask & SIGINT != 0) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("interrupts are not caught");
}
