//! An agent that calls a model on Vertex AI, with a token that rotates underneath.
//!
//!   cargo run -p keytide-examples-gcp --example gcp_vertex
//!       a fake model and fake issuers, tokens of 6 s
//!   cargo run -p keytide-examples-gcp --example gcp_vertex -- BASE_URL MODEL
//!       such as https://europe-west1-aiplatform.googleapis.com/v1/projects/PROJECT/locations/europe-west1 gemini-2.5-flash,
//!       with whatever Application Default Credentials find here
//!
//! The token goes to the origin of the base URL and nowhere else.

use std::time::Duration;

use keytide_core::{Agent, AgentIdentity};
use keytide_gcp::{ApplicationDefault, CLOUD_PLATFORM, Env};
use keytide_http::AuthorizedClient;
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{FaultServer, Received, Reply};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).collect::<Vec<_>>().into_iter();
    let real = arguments.next();
    let model = arguments
        .next()
        .unwrap_or_else(|| "gemini-2.5-flash".to_owned());

    let google = Google::new().lifetime(Duration::from_secs(6));
    let fakes = real
        .is_none()
        .then(|| (google.start(), model_server(&google)));
    // Vertex AI takes no narrower scope: what the agent may do is up to the roles of its account.
    let mut provider = ApplicationDefault::builder([CLOUD_PLATFORM]);
    let (base, calls) = match (&fakes, real) {
        (Some((issuers, model)), _) => {
            let host = issuers.address().to_string();
            provider = provider.env(Env::of([("GCE_METADATA_HOST", host)]));
            (model.url("/v1/projects/p/locations/here"), 15)
        }
        (None, real) => (real.unwrap_or_default(), 1),
    };

    let identity = AgentIdentity {
        agent_type: "summariser".into(),
        version: "2.0.0".into(),
        environment: "example".into(),
        owner: "research".into(),
    };
    let agent = Agent::builder(identity).build()?;
    let token = agent.cache(provider.build()?).build()?;
    let url = format!(
        "{}/publishers/google/models/{model}:generateContent",
        base.trim_end_matches('/')
    );
    let client = AuthorizedClient::builder(reqwest::Client::builder(), token.clone())
        .destination(reqwest::Url::parse(&base)?.origin().ascii_serialization())
        .build()?;

    let question =
        json!({ "contents": [{ "role": "user", "parts": [{ "text": "One line on tides." }] }] });
    let mut failures = 0;
    for _ in 0..calls {
        let response = client.post(&url).json(&question).send().await?;
        let status = response.status();
        let answer: Value = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        let text = answer.pointer("/candidates/0/content/parts/0/text");
        println!(
            "{status}: {}",
            text.and_then(Value::as_str).unwrap_or("no text")
        );
        failures += u32::from(!status.is_success());
        if calls > 1 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let rotations = token.status().rotations;
    println!("gcp_vertex: {rotations} rotations, {calls} requests, {failures} failures");
    Ok(())
}

/// A model that answers whoever has a token of these issuers.
fn model_server(google: &Google) -> FaultServer {
    let google = google.clone();
    FaultServer::start(move |asked: &Received| {
        let token = asked
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        if !token.is_some_and(|token| google.accepts(token)) {
            return Reply::json(401, &json!({ "error": { "status": "UNAUTHENTICATED" } }));
        }
        let text = format!("answer {}: they come and go", asked.number());
        Reply::json(
            200,
            &json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] } }] }),
        )
    })
}
