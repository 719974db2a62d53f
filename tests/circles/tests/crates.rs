//! The circles of our own crates: none may come, and none may grow.

use std::path::Path;

use keytide_circles::Crate;

/// Circles that still stand: a crate, and the files of one. A circle that is cut is to be taken out of here.
const STANDING: &[(&str, &[&str])] = &[
    (
        "keytide-http",
        &[
            "layer/exchange.rs",
            "layer/future.rs",
            "layer/mod.rs",
            "layer/service.rs",
        ],
    ),
    (
        "keytide-http",
        &["destination/allowed.rs", "destination/judge.rs"],
    ),
];

#[test]
fn no_circle_of_modules_comes_or_grows() {
    let mut faults = Vec::new();
    let mut found = Vec::new();

    for (name, sources) in crates() {
        let circles = sources.circles();
        let (files, number) = (sources.files(), circles.len());
        println!("{name}: {files} files, {number} circles");
        for circle in circles {
            let files: Vec<_> = circle.files().map(str::to_owned).collect();
            let stands = |(of, standing): &(&str, &[&str])| {
                *of == name && files.iter().all(|file| standing.contains(&&**file))
            };
            if !STANDING.iter().any(stands) {
                faults.push(format!("{name}: a circle of {circle}"));
            }
            found.extend(files.into_iter().map(|file| (name.clone(), file)));
        }
    }
    for (name, standing) in STANDING {
        for file in *standing {
            if !found.contains(&((*name).to_owned(), (*file).to_owned())) {
                faults.push(format!(
                    "{name}: {file} is in no circle any more: take it out of the list"
                ));
            }
        }
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
