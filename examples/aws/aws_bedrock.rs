//! A model of Amazon Bedrock, asked with a role's keys and no AWS SDK for the request: SigV4 over `AuthorizedClient`.
//!
//!   cargo run -p keytide-examples-aws --example aws_bedrock -- --local
//!   cargo run -p keytide-examples-aws --example aws_bedrock -- https://bedrock-runtime.eu-central-1.amazonaws.com MODEL_ID
//!
//! With `--local` a server on this machine stands in for the platform and for the model, and shows what it is sent. With a
//! base URL and the id of a model it asks that, as the role that this machine, container or pod has; the region is the one
//! in the URL, or `AWS_REGION` where the URL names none (a VPC endpoint, a gateway).

use std::error::Error;

use keytide_aws::{ContainerEndpoint, DefaultRole, Env};
use keytide_core::{Agent, AgentIdentity, Cache, Reason};
use keytide_http::AuthorizedClient;
use keytide_sigv4::SigV4;
use keytide_testkit::aws::Container;
use keytide_testkit::server::{FaultServer, Received, Reply};
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let identity = AgentIdentity {
        agent_type: "summarizer".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        environment: "example".into(),
        owner: "research".into(),
    };
    let agent = Agent::builder(identity).build()?;
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--local"), None) => locally(&agent).await?,
        (Some(base), Some(model)) => {
            let role = agent.cache(DefaultRole::new()).build()?;
            println!("{}", ask(role, base, &region_of(base)?, &model).await?);
        }
        _ => return Err("usage: aws_bedrock --local | aws_bedrock BASE_URL MODEL_ID".into()),
    }
    agent.terminate(Reason::Finished).await;
    Ok(())
}

/// Asks the model one question. The path is that of Bedrock's operation `Converse`.
async fn ask(role: Cache, base: &str, region: &str, model: &str) -> Result<String, Failure> {
    let http = AuthorizedClient::builder(reqwest::Client::builder(), role)
        .attach(SigV4::builder(region, "bedrock").build()?)
        .destination(base)
        .build()?;
    let question = json!({
        "messages": [{ "role": "user", "content": [{ "text": "In one sentence: what is a lease?" }] }],
        "inferenceConfig": { "maxTokens": 100 },
    });
    // The colons of a model's id are written as %3A in a path.
    let url = format!("{base}/model/{}/converse", model.replace(':', "%3A"));

    let response = http
        .post(url)
        .header("content-type", "application/json")
        .body(question.to_string())
        .send()
        .await?;

    let status = response.status();
    let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
    match answer
        .pointer("/output/message/content/0/text")
        .and_then(Value::as_str)
    {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("the model answers {status} without a message").into()),
    }
}

/// The platform that gives the role, and the model: each a server on this machine.
async fn locally(agent: &Agent) -> Result<(), Failure> {
    let platform = FaultServer::start(Container::new("example-"));
    let env = Env::of([("AWS_CONTAINER_CREDENTIALS_FULL_URI", platform.url("/role"))]);
    let role = agent.cache(ContainerEndpoint::new().env(env)).build()?;
    let model = FaultServer::start(|_: &Received| {
        Reply::json(
            200,
            &json!({ "output": { "message": { "role": "assistant", "content": [{ "text": "A promise with an end." }] } } }),
        )
    });

    for _ in 0..2 {
        println!(
            "{}",
            ask(
                role.clone(),
                &model.origin(),
                "eu-central-1",
                "some.model-v1:0"
            )
            .await?
        );
        role.refresh_now().await?;
    }

    for asked in model.requests() {
        println!("{} {}", asked.method(), asked.target());
        for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
            println!("  {name}: {}", asked.header(name).unwrap_or("(none)"));
        }
    }
    println!("aws_bedrock: 2 requests, signed with 2 sessions");
    Ok(())
}

/// `https://bedrock-runtime.eu-central-1.amazonaws.com` is in `eu-central-1`.
fn region_of(base: &str) -> Result<String, Failure> {
    let host = base.split('/').nth(2).unwrap_or_default();
    let of_host = host
        .strip_prefix("bedrock-runtime.")
        .and_then(|rest| rest.split('.').next());
    match of_host {
        Some(region) => Ok(region.to_owned()),
        None => Env::process()
            .get("AWS_REGION")?
            .ok_or_else(|| "the base URL names no region: set AWS_REGION".into()),
    }
}
