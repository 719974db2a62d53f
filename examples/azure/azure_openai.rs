//! A model endpoint of Azure, asked with a bearer token of Entra in place of an API key.
//!
//! ```text
//! cargo run -p keytide-examples-azure --example azure_openai
//! cargo run -p keytide-examples-azure --example azure_openai -- https://NAME.openai.azure.com DEPLOYMENT
//! ```
//!
//! Without an argument it starts an endpoint and a metadata service of its own. With a base URL the identity is the one
//! that the environment gives (workload identity on AKS, a managed identity elsewhere); it needs the role "Cognitive
//! Services OpenAI User" at the resource. The token goes to that URL and nowhere else.

use std::error::Error;

use keytide_azure::{DefaultIdentity, ManagedIdentity};
use keytide_core::{Agent, AgentIdentity, Cache, LongLived};
use keytide_http::{AuthorizedClient, reqwest};
use keytide_testkit::azure::Imds;
use keytide_testkit::server::{FaultServer, Received, Reply};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let identity = AgentIdentity {
        agent_type: "summarizer".into(),
        version: "0.1.0".into(),
        environment: "demo".into(),
        owner: "you".into(),
    };
    let agent = Agent::builder(identity).build()?;
    let mut arguments = std::env::args().skip(1);
    let Some(base) = arguments.next() else {
        return with_fakes(&agent).await;
    };
    let model = arguments
        .next()
        .ok_or("usage: azure_openai [BASE_URL DEPLOYMENT]")?;
    let provider = DefaultIdentity::builder(SCOPE).build()?;
    let cache = agent.cache(provider).long_lived(LongLived::Flag).build()?;
    ask(cache, &base, &model).await
}

/// Asks the model one thing, and prints what it says.
async fn ask(cache: Cache, base: &str, model: &str) -> Result<(), Box<dyn Error>> {
    let http = AuthorizedClient::builder(reqwest::Client::builder(), cache)
        .destination(base)
        .build()?;
    let url = format!("{}/openai/v1/chat/completions", base.trim_end_matches('/'));
    let question = json!({
        "model": model,
        "messages": [{ "role": "user", "content": "In one sentence: why do credentials rotate?" }],
    });

    let response = http.post(url).json(&question).send().await?;

    let status = response.status();
    let body = response.text().await?;
    if !status.is_success() {
        return Err(format!("the endpoint answers {status}: {body}").into());
    }
    let answer: Value = serde_json::from_str(&body)?;
    let said = answer["choices"][0]["message"]["content"].as_str();
    println!("{model}: {}", said.unwrap_or("(nothing)"));
    println!("azure_openai: answered {}", status.as_u16());
    Ok(())
}

async fn with_fakes(agent: &Agent) -> Result<(), Box<dyn Error>> {
    let imds = Imds::new()
        .resource("https://cognitiveservices.azure.com")
        .start();
    let model = FaultServer::start(|asked: &Received| {
        let bearer = asked
            .header("authorization")
            .is_some_and(|value| value.starts_with("Bearer ey"));
        if !bearer || asked.header("api-key").is_some() {
            return Reply::json(401, &json!({ "error": { "code": "401" } }));
        }
        let said = "So that one which leaks is soon worth nothing.";
        Reply::json(
            200,
            &json!({ "choices": [{ "message": { "role": "assistant", "content": said } }] }),
        )
    });
    let provider = ManagedIdentity::builder(SCOPE)
        .imds_endpoint(imds.origin())
        .build()?;
    let cache = agent.cache(provider).long_lived(LongLived::Flag).build()?;
    ask(cache, &model.origin(), "a-fake-model").await
}

/// What tokens for the models of Azure are for.
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
