//! The circles of our own crates: there are none.

use std::path::Path;

use keytide_circles::Crate;

#[test]
fn no_circle_of_modules_comes() {
    let mut faults = Vec::new();

    for (name, sources) in crates() {
        let circles = sources.circles();
        println!(
            "{name}: {} files, {} circles",
            sources.files(),
            circles.len()
        );
        faults.extend(
            circles
                .iter()
                .map(|circle| format!("{name}: a circle of {circle}")),
        );
    }

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// All crates of ours, by their names.
fn crates() -> Vec<(String, Crate)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| folder.join(name).join("src").is_dir())
        .collect();
    assert!(!names.is_empty(), "no crate is there");
    names.sort();
    let sources = |name: &String| Crate::read(&folder.join(name).join("src")).unwrap();
    names
        .iter()
        .map(|name| (name.clone(), sources(name)))
        .collect()
}
