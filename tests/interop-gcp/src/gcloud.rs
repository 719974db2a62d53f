//! `gcloud`: it logs in with the configuration of a federation, and gets tokens.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use keytide_interop::{Failure, check};
use keytide_testkit::gcp::Google;
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

/// Logs in with a configuration that leads to the issuers of the test kit, and asks for a token.
pub(crate) async fn logs_in(directory: &Path, command: &str) -> Result<(), Failure> {
    println!("== gcloud");
    let google = Google::new();
    let server = google.start();
    let home = directory.join("gcloud");
    // What an earlier run left is of another server.
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    std::fs::create_dir_all(&home)?;
    let subject = home.join("subject");
    std::fs::write(&subject, "subject-1")?;
    let account = "reader@project-1.iam.gserviceaccount.com";
    let config = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": server.url("/v1/token"),
        "token_info_url": server.url("/v1/introspect"),
        "service_account_impersonation_url":
            server.url(&format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken")),
        "credential_source": { "file": subject },
    });
    let file = home.join("config.json");
    std::fs::write(&file, config.to_string())?;

    let gcloud = |arguments: &[&str]| {
        let mut gcloud = Command::new(command);
        gcloud
            .args(arguments)
            .env("CLOUDSDK_CONFIG", &home)
            .env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1")
            .env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1")
            .env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1")
            .env("GCE_METADATA_HOST", server.address().to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        gcloud
    };
    let cred_file = format!("--cred-file={}", file.display());
    let login = ["auth", "login", cred_file.as_str(), "--quiet"];
    println!("   + {command} {}", login.join(" "));
    let output = timeout(PATIENCE, gcloud(&login).output()).await??;
    check(
        output.status.success(),
        format_args!("gcloud logs in: {}", last_line(&output.stderr)),
    )?;
    println!("   + {command} auth print-access-token");
    let output = timeout(PATIENCE, gcloud(&["auth", "print-access-token"]).output()).await??;
    let token = String::from_utf8(output.stdout)?;
    check(
        output.status.success() && google.accepts(token.trim()),
        format_args!(
            "gcloud has a token of these issuers {}",
            last_line(&output.stderr)
        ),
    )?;
    check(
        token.starts_with("ya29.impersonated-"),
        "it is one of the account that the configuration names",
    )
}

fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    text.lines().last().unwrap_or_default().to_owned()
}

const PATIENCE: Duration = Duration::from_secs(90);
