//! The facade has a feature for each crate and for each feature of it, in one pattern.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_feature_of_every_crate_is_forwarded_by_the_facade() {
    let workspace = Workspace::read();
    let facade = workspace.package("keytide");
    let mut forwarded = BTreeSet::from(["default".to_owned()]);

    for dependency in facade["dependencies"].as_array().unwrap() {
        let name = text(&dependency["name"]);
        let Some(short) = name.strip_prefix("keytide-") else {
            continue;
        };
        if dependency["optional"] == true {
            assert_eq!(listed(facade, short), [format!("dep:{name}")], "{short}");
            forwarded.insert(short.to_owned());
        }
        let package = workspace.package(name);
        let on = on_with(package, dependency);
        for feature in features(package) {
            // What begins with an underscore is a part of others, and nobody's to turn on.
            if feature == "default" || feature.starts_with('_') || on.contains(feature) {
                continue;
            }
            let called = format!("{short}-{feature}");
            let forwards = [short.to_owned(), format!("{name}/{feature}")];
            assert_eq!(listed(facade, &called), forwards, "{called}");
            forwarded.insert(called);
        }
    }

    let there: BTreeSet<_> = features(facade).map(ToOwned::to_owned).collect();
    assert!(forwarded.len() > 10, "the crates were not found");
    assert_eq!(there, forwarded, "left: what there is; right: the pattern");
}

/// What cargo knows of the packages of this workspace.
struct Workspace(Value);

impl Workspace {
    fn read() -> Self {
        let known = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--no-deps",
                "--offline",
                "--format-version",
                "1",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(known.status.success(), "{known:?}");
        Self(serde_json::from_slice(&known.stdout).unwrap())
    }

    fn package(&self, name: &str) -> &Value {
        let packages = self.0["packages"].as_array().unwrap();
        let found = packages.iter().find(|package| package["name"] == name);
        found.unwrap_or_else(|| panic!("no package {name}"))
    }
}

/// The features of a package that are on wherever this dependency is there.
fn on_with<'a>(package: &'a Value, dependency: &'a Value) -> BTreeSet<&'a str> {
    let asked = dependency["features"].as_array().unwrap();
    let mut next: Vec<&str> = asked.iter().map(text).collect();
    if dependency["uses_default_features"] == true {
        next.push("default");
    }
    let mut on = BTreeSet::new();
    while let Some(feature) = next.pop() {
        if on.insert(feature) {
            next.extend(listed(package, feature));
        }
    }
    on
}

fn features(package: &Value) -> impl Iterator<Item = &str> {
    package["features"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| &**name)
}

/// What a feature of a package turns on; nothing where there is no such feature.
fn listed<'a>(package: &'a Value, feature: &str) -> Vec<&'a str> {
    let found = package["features"][feature].as_array();
    found.into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
