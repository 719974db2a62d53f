//! Google's library for Python: it gets tokens, and asks for them as it did when that was recorded.

use std::path::Path;

use keytide_gcp::ServiceAccountKey;
use keytide_interop::{Failure, Peer, Recipe, check};
use keytide_testkit::gcp::{Google, essence};
use keytide_testkit::server::{FaultServer, Reply};
use serde_json::{Map, Value, json};

/// Runs every case, and compares the requests with those that were recorded.
pub(crate) async fn library(
    directory: &Path,
    cases: &Path,
    golden: &Path,
    record: bool,
) -> Result<(), Failure> {
    println!("== the library google-auth");
    let google = Google::new();
    let server = google.start();
    let subjects = FaultServer::start(|_: &_| Reply::new(200).body("subject-3"));
    let mut peer = Peer::start(&Recipe {
        name: "google-auth",
        command: vec![
            directory.join("venv/bin/python").display().to_string(),
            cases.display().to_string(),
            server.origin(),
            subjects.origin(),
            directory.display().to_string(),
        ],
        directory: directory.to_owned(),
    })
    .await?;

    let mut seen = Map::new();
    for case in CASES {
        server.forget();
        let told = peer.ask_for(case).await?;
        let token = told["token"].as_str().unwrap_or_default();
        let good = google.accepts(token) || token.split('.').count() == 3;
        check(
            good,
            format_args!("{case}: a token of these issuers {}", shown(&told)),
        )?;
        let requests: Vec<_> = server.requests().iter().map(essence).collect();
        seen.insert((*case).to_owned(), Value::Array(requests));
    }
    check(
        subjects
            .requests()
            .iter()
            .any(|asked| asked.header("metadata") == Some("True")),
        "the subject was asked for with the header of the configuration",
    )?;

    let assertion = signed(&server, directory).await?;
    let told = peer.ask_for(&format!("verify {assertion}")).await?;
    check(
        told["claims"]["iss"] == "agent@project-1.iam.gserviceaccount.com",
        format_args!(
            "the library verifies an assertion that keytide signed {}",
            shown(&told)
        ),
    )?;

    let seen = Value::Object(seen);
    if record {
        std::fs::write(golden, serde_json::to_string_pretty(&seen)? + "\n")?;
        println!("   recorded in {}", golden.display());
        return Ok(());
    }
    let known: Value = serde_json::from_slice(&std::fs::read(golden)?)?;
    for case in CASES {
        check(
            known[case] == seen[case],
            format_args!(
                "{case}: asked for as it was recorded{}",
                difference(&known[case], &seen[case])
            ),
        )?;
    }
    Ok(())
}

/// An assertion, signed by keytide with the key that the library has made.
async fn signed(server: &FaultServer, directory: &Path) -> Result<String, Failure> {
    let provider = ServiceAccountKey::danger_from_file(directory.join("key.json"))
        .scopes(["https://www.googleapis.com/auth/devstorage.read_only"])
        .danger_allow_endpoint(server.origin())
        .build()?;
    server.forget();
    let cache = crate::readers::agent()?
        .cache(provider)
        .danger_allow_static()
        .build()?;
    cache.get().await?;
    let asked = server.requests().pop().ok_or("nothing was asked")?;
    let form = asked.form().into_iter();
    let mut assertions = form.filter(|(name, _)| name == "assertion");
    let (_, assertion) = assertions.next().ok_or("there is no assertion")?;
    Ok(assertion)
}

fn shown(told: &Value) -> String {
    match &told["error"] {
        Value::Null => String::new(),
        error => format!("({error})"),
    }
}

fn difference(known: &Value, seen: &Value) -> String {
    if known == seen {
        return String::new();
    }
    format!(": recorded {}, now {}", json!(known), json!(seen))
}

const CASES: [&str; 17] = [
    "metadata_access",
    "metadata_identity",
    "application_default",
    "federated_file",
    "federated_json_file",
    "federated_url",
    "federated_impersonated",
    "federated_workforce",
    "federated_aws",
    "key_access",
    "key_identity",
    "impersonated_access",
    "impersonated_identity",
    "downscoped_access",
    "user_access",
    "bound_access",
    "bound_identity",
];
