//! A token from any OAuth server by client credentials, kept fresh.
//!
//! ```text
//! cargo run --example client_credentials
//! cargo run --example client_credentials -- \
//!     --token-endpoint https://login.example.com/oauth2/token --client-id invoice-reader \
//!     --key /run/keys/client.pem --scope invoices.read
//! ```
//!
//! Without arguments it starts a server on the loopback address that gives tokens of four seconds, is down for a while,
//! and says no once. With arguments it asks yours, and goes on until Ctrl-C.
//!
//! What to look at: `provider` is all that is particular to OAuth. The token itself is nowhere printed, and there is no
//! variable that holds it.

use std::error::Error as StdError;
use std::process::ExitCode;
use std::time::Duration;

use keytide::oauth::{AssertionKey, ClientCredentials, IssuerClient};
use keytide::{Agent, AgentIdentity, Cache, Event, EventKind, Subject, SubjectUse};
use keytide_testkit::server::{Fault, FaultServer, Good, Outcome, Reply};
use serde_json::json;

const USAGE: &str = "\
usage: client_credentials --token-endpoint URL --client-id ID PROOF [OPTION]...

PROOF, one of:
  --key FILE               a private key in PEM: signs an assertion for each attempt (private_key_jwt)
  --assertion-file FILE    an assertion of the workload, such as a projected Kubernetes token
  --secret-file FILE       a client secret: static, and better replaced by one of the others

OPTION:
  --key-id ID              the kid that the issuer knows the key by
  --assertion-audience A   the aud of the assertion, if it is not the URL of the token endpoint
  --scope SCOPE            what the token shall be good for
  --resource URI           where it shall be used (RFC 8707)
  --lifetime SECONDS       how long tokens live, if the issuer does not say
  --ca FILE                root certificates in PEM to trust beside those of the machine";

type Failure = Box<dyn StdError + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let options = Options::parse(std::env::args().skip(1))?;
    if options.is_empty() {
        return demonstrate().await;
    }
    let cache = cache(&options)?;
    loop {
        report(&cache).await;
        tokio::select! {
            _ = cache_changed(&cache) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    }
}

/// All that is particular to OAuth.
fn provider(options: &Options, agent: &Agent) -> Result<ClientCredentials, Failure> {
    let mut builder = ClientCredentials::builder(
        options.required("--token-endpoint")?,
        options.required("--client-id")?,
    );
    if let Some(file) = options.get("--key") {
        let mut key = AssertionKey::from_pem_file(file);
        if let Some(id) = options.get("--key-id") {
            key = key.key_id(id);
        }
        builder = builder.private_key_jwt(key);
    }
    if let Some(file) = options.get("--assertion-file") {
        // The file is watched, and its token is presented as it is when the issuer is asked.
        let assertion = agent
            .cache(keytide::kubernetes::ProjectedToken::builder(file).build()?)
            .build()?;
        builder = builder.assertion(Subject::new(assertion, SubjectUse::Repeatable));
    }
    if let Some(file) = options.get("--secret-file") {
        let secret = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        builder = builder.danger_client_secret_basic(secret.trim_end());
    }
    if let Some(audience) = options.get("--assertion-audience") {
        builder = builder.assertion_audience(audience);
    }
    if let Some(scope) = options.get("--scope") {
        builder = builder.scope(scope);
    }
    if let Some(resource) = options.get("--resource") {
        builder = builder.resource(resource);
    }
    if let Some(seconds) = options.get("--lifetime") {
        builder = builder.lifetime_if_unsaid(Duration::from_secs(seconds.parse()?));
    }
    if let Some(file) = options.get("--ca") {
        let roots = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let client = IssuerClient::builder().root_certificates(&roots)?.build()?;
        builder = builder.client(client);
    }
    Ok(builder.build()?)
}

fn cache(options: &Options) -> Result<Cache, Failure> {
    let identity = AgentIdentity {
        agent_type: "client-credentials-example".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        environment: "example".into(),
        owner: "keytide".into(),
    };
    let agent = Agent::builder(identity).observe(tell).build()?;
    let builder = agent.cache(provider(options, &agent)?);
    // A static secret has to be allowed by name.
    let builder = match options.get("--secret-file") {
        Some(_) => builder.danger_allow_static(),
        None => builder,
    };
    Ok(builder.build()?)
}

/// What happens behind the readers' backs.
fn tell(event: &Event) {
    match &event.kind {
        EventKind::Issued {
            generation,
            lifetime,
            latency,
        } => println!("  issued: generation {generation}, lives {lifetime:?}, took {latency:?}"),
        EventKind::Failed {
            message,
            next_attempt,
            ..
        } => println!("  failed: {message}; next attempt in {next_attempt:?}"),
        EventKind::ClockSkew { by, issuer_ahead } => {
            let side = if *issuer_ahead { "ahead" } else { "behind" };
            println!("  the issuer's clock is {by:?} {side}");
        }
        EventKind::StaticCredentialSeen { .. } => {
            println!("  static: a client secret never expires; use a key or an assertion");
        }
        _ => {}
    }
}

/// One read, as a user of the token would make it.
async fn report(cache: &Cache) {
    match cache.need().within(Duration::from_secs(10)).get().await {
        Ok(credential) => println!(
            "read: generation {}, {:.0?} left, for {}",
            credential.generation(),
            credential.remaining(),
            credential.principal().unwrap_or("nobody")
        ),
        Err(error) => println!("read: {error}"),
    }
}

async fn cache_changed(cache: &Cache) {
    let _ = cache.changes().next().await;
}

/// The same against a server that has its troubles.
async fn demonstrate() -> Result<(), Failure> {
    let server = FaultServer::start(Good::json(|asked| {
        json!({
            "access_token": format!("token-{}", asked.number()),
            "token_type": "Bearer",
            "expires_in": 4,
        })
    }));
    let directory = tempfile::tempdir()?;
    let key = directory.path().join("client.pem");
    std::fs::write(&key, new_key()?)?;
    let arguments = [
        "--token-endpoint".to_owned(),
        server.url("/token"),
        "--client-id".to_owned(),
        "example".to_owned(),
        "--key".to_owned(),
        key.display().to_string(),
    ];
    let cache = cache(&Options::parse(arguments.into_iter())?)?;

    for second in 0..14 {
        match second {
            4 => {
                println!("-- the issuer is down");
                server.set(Fault::status(503));
            }
            7 => {
                println!("-- the issuer is up again, and says no once");
                let no = Reply::json(401, &json!({ "error": "invalid_client" }));
                let no = Fault::answer("no", no, Outcome::Either);
                server.heal().then(no);
            }
            _ => {}
        }
        report(&cache).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let status = cache.status();
    println!(
        "client_credentials: {} rotations, {} failed calls",
        status.rotations, status.failures
    );
    Ok(())
}

fn new_key() -> Result<String, Failure> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    let random = aws_lc_rs::rand::SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        .map_err(|_| "no key could be made")?;
    let text = STANDARD.encode(key.as_ref());
    Ok(format!(
        "-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"
    ))
}

/// Pairs of an option and its value.
struct Options(Vec<(String, String)>);

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Vec::new();
        while let Some(name) = arguments.next() {
            let known = USAGE.split_whitespace().any(|word| word == name);
            if !name.starts_with("--") || !known {
                return Err(format!("unknown argument {name}\n\n{USAGE}").into());
            }
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"))?;
            options.push((name, value));
        }
        Ok(Self(options))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name)
            .ok_or_else(|| format!("{name} is missing\n\n{USAGE}").into())
    }
}
