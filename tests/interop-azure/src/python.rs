//! The client library for Python, and keytide, against the same fakes.

use std::path::Path;
use std::time::Duration;

use keytide_azure::{Env, IssuerClient, ManagedIdentity, WorkloadIdentity};
use keytide_core::{LongLived, ProvideCredential};
use keytide_interop::{Failure, check};
use keytide_testkit::azure::{AppService, Arc, Entra, Imds, assertion};
use keytide_testkit::server::{FaultServer, Received, TestCa};
use serde_json::Value;
use tokio::process::Command;

use crate::{AUDIENCE, CLIENT, ISSUER, SUBJECT, TENANT, agent, now};

/// The fake, what a client's environment says of it, what Python is asked for, and the same of keytide.
struct Case<'a, P> {
    what: &'a str,
    server: &'a FaultServer,
    environment: Vec<(&'a str, String)>,
    kind: &'a str,
    id: Option<&'a str>,
    ours: P,
}

pub(crate) async fn every_source(directory: &Path) -> Result<(), Failure> {
    imds(directory).await?;
    app_service(directory).await?;
    arc(directory).await?;
    entra(directory).await
}

async fn imds(directory: &Path) -> Result<(), Failure> {
    let server = Imds::new()
        .user_assigned(CLIENT, OBJECT, RESOURCE_ID)
        .start();
    for (kind, id) in ids() {
        let builder = ManagedIdentity::builder(VAULT).imds_endpoint(server.origin());
        let case = Case {
            what: "IMDS",
            server: &server,
            environment: vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.origin())],
            kind,
            id,
            ours: identified(builder, kind, id).build()?,
        };
        case.run(directory).await?;
    }
    let environment = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.origin())];
    let answer = python(
        directory,
        &environment,
        "managed-client",
        Some("not-assigned"),
    )
    .await?;
    let refused = answer["error"].is_string() && answer["token"].is_null();
    check(
        refused,
        format!(
            "IMDS: an identity that is not assigned is an error to Python: {}",
            answer["error"]
        ),
    )
}

async fn app_service(directory: &Path) -> Result<(), Failure> {
    let server = AppService::new("header-of-the-app")
        .user_assigned(CLIENT, OBJECT, RESOURCE_ID)
        .start();
    let environment = vec![
        ("IDENTITY_ENDPOINT", server.url("/msi/token")),
        ("IDENTITY_HEADER", "header-of-the-app".to_owned()),
    ];
    for (kind, id) in ids() {
        let known = environment.clone();
        let builder = ManagedIdentity::builder(VAULT).env(Env::of(known));
        let case = Case {
            what: "App Service",
            server: &server,
            environment: environment.clone(),
            kind,
            id,
            ours: identified(builder, kind, id).build()?,
        };
        case.run(directory).await?;
    }
    Ok(())
}

/// The library reads key files of one directory only, which only root can make.
async fn arc(directory: &Path) -> Result<(), Failure> {
    let keys = Path::new("/var/opt/azcmagent/tokens");
    if keys.exists() {
        println!(
            "   --    Arc is left out: {} is there, so this machine has an agent",
            keys.display()
        );
        return Ok(());
    }
    if let Err(error) = std::fs::create_dir_all(keys) {
        println!(
            "   --    Arc is left out: {} cannot be made: {error}",
            keys.display()
        );
        return Ok(());
    }
    let server = Arc::new(keys).start();
    let environment = vec![
        (
            "IDENTITY_ENDPOINT",
            server.url("/metadata/identity/oauth2/token"),
        ),
        ("IMDS_ENDPOINT", server.origin()),
    ];
    let known = environment.clone();
    let ours = ManagedIdentity::builder(VAULT).env(Env::of(known));
    let case = Case {
        what: "Arc",
        server: &server,
        environment,
        kind: "managed",
        id: None,
        ours: ours.build()?,
    };
    let outcome = case.run(directory).await;
    std::fs::remove_dir_all("/var/opt/azcmagent")?;
    outcome
}

async fn entra(directory: &Path) -> Result<(), Failure> {
    let ca = TestCa::new();
    let server = Entra::new(TENANT)
        .federated(CLIENT, ISSUER, SUBJECT)
        .secret(CLIENT, "secret-of-the-app")
        .start(&ca);
    let files = tempfile::tempdir()?;
    let (token, root) = (files.path().join("token"), files.path().join("root.pem"));
    let end = now() + Duration::from_secs(3600);
    std::fs::write(&token, assertion(ISSUER, SUBJECT, AUDIENCE, end))?;
    std::fs::write(&root, ca.root_pem())?;
    let environment = vec![
        ("AZURE_TENANT_ID", TENANT.to_owned()),
        ("AZURE_CLIENT_ID", CLIENT.to_owned()),
        ("AZURE_AUTHORITY_HOST", server.origin()),
        ("AZURE_FEDERATED_TOKEN_FILE", token.display().to_string()),
        ("REQUESTS_CA_BUNDLE", root.display().to_string()),
    ];
    for (kind, id) in [("workload", None), ("assertion", None)] {
        let client = IssuerClient::builder().root_certificates(ca.root_pem().as_bytes())?;
        let known = environment.clone();
        let ours = WorkloadIdentity::builder(VAULT)
            .client(client.build()?)
            .env(Env::of(known));
        let case = Case {
            what: "Entra",
            server: &server,
            environment: environment.clone(),
            kind,
            id,
            ours: ours.build()?,
        };
        case.run(directory).await?;
    }
    let secret = python(directory, &environment, "secret", Some("secret-of-the-app")).await?;
    check(
        secret["token"].is_string(),
        "Entra: Python gets a token for a client secret",
    )?;
    std::fs::write(&token, assertion(ISSUER, "another", AUDIENCE, end))?;
    let answer = python(directory, &environment, "workload", None).await?;
    let said = answer["message"].as_str().unwrap_or_default();
    check(
        said.contains("AADSTS700213"),
        "Entra: Python reads the number of a refusal",
    )
}

impl<P: ProvideCredential> Case<'_, P> {
    /// Both get a token, and for both the fake was asked for the same.
    async fn run(self, directory: &Path) -> Result<(), Failure> {
        let named = format!("{}, {}", self.what, self.kind);
        self.server.forget();
        let answer = python(directory, &self.environment, self.kind, self.id).await?;
        let (Some(token), Some(end)) = (answer["token"].as_str(), answer["expires_on"].as_u64())
        else {
            return Err(format!("{named}: Python gets no token: {answer}").into());
        };
        let theirs = asked_for(self.server);
        self.server.forget();
        let cache = agent()?
            .cache(self.ours)
            .long_lived(LongLived::Flag)
            .build()?;
        let credential = cache.get().await?;
        let ours = asked_for(self.server);

        check(
            token.starts_with("ey"),
            format!("{named}: Python gets a token"),
        )?;
        let known = credential.expires_at().ok_or("a token without an end")?;
        let known = known.duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        check(
            known.abs_diff(end) <= 30,
            format!("{named}: keytide and Python read the same end"),
        )?;
        if ours != theirs {
            return Err(
                format!("{named}: keytide asks for {ours:?}, Python for {theirs:?}").into(),
            );
        }
        check(true, format!("{named}: both ask for the same"))
    }
}

use std::time::SystemTime;

/// What the requests for a token said, but for what each library says of itself.
fn asked_for(server: &FaultServer) -> Vec<(String, Vec<(String, String)>)> {
    let requests = server.requests().into_iter();
    let of_tokens = requests.filter(|asked| asked.path().ends_with("/token"));
    of_tokens
        .map(|asked: Received| {
            let mut pairs = [asked.parameters(), asked.form()].concat();
            pairs.retain(|(name, _)| {
                // The presented assertion is the same file's; `object_id` and `principal_id` are two names for one thing.
                !name.starts_with("x-") && !name.starts_with("client_info") && name != "claims"
            });
            for (name, _) in &mut pairs {
                if name == "principal_id" {
                    "object_id".clone_into(name);
                }
            }
            pairs.sort();
            (asked.method().to_owned(), pairs)
        })
        .collect()
}

async fn python(
    directory: &Path,
    environment: &[(&str, String)],
    kind: &str,
    id: Option<&str>,
) -> Result<Value, Failure> {
    let mut command = Command::new(directory.join("venv/bin/python"));
    command
        .arg(directory.join("client.py"))
        .args([kind, VAULT])
        .args(id)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await??;
    let line = String::from_utf8(output.stdout)?;
    serde_json::from_str(line.trim()).map_err(|_| {
        let told = String::from_utf8_lossy(&output.stderr);
        format!("client.py {kind} gives no JSON: {told}").into()
    })
}

fn ids() -> [(&'static str, Option<&'static str>); 4] {
    [
        ("managed", None),
        ("managed-client", Some(CLIENT)),
        ("managed-object", Some(OBJECT)),
        ("managed-resource", Some(RESOURCE_ID)),
    ]
}

fn identified(
    builder: keytide_azure::ManagedIdentityBuilder,
    kind: &str,
    id: Option<&str>,
) -> keytide_azure::ManagedIdentityBuilder {
    match (kind, id) {
        ("managed-client", Some(id)) => builder.client_id(id),
        ("managed-object", Some(id)) => builder.object_id(id),
        ("managed-resource", Some(id)) => builder.resource_id(id),
        _ => builder,
    }
}

const VAULT: &str = "https://vault.azure.net";
const OBJECT: &str = "9d1f0c55-5b0e-4b53-9ef2-52d6cd1a5b5e";
const RESOURCE_ID: &str = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader";
