//! A role that rotates under a client of the AWS SDK.
//!
//!   cargo run -p keytide-examples-aws --example aws_assume_role -- --moto
//!   cargo run -p keytide-examples-aws --example aws_assume_role -- arn:aws:iam::123456789012:role/invoices
//!
//! With `--moto` it asks a moto server at http://127.0.0.1:5000 (`pip install 'moto[server]'; moto_server`), or at the URL
//! that follows, which gives sessions of three seconds: they are seen to rotate. With the ARN of a role it asks AWS, in
//! the region of `AWS_REGION`, as the role that this machine, container or pod has.

use std::error::Error;
use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_sts::config::Region;
use keytide_aws::bridge::sdk_config;
use keytide_aws::{AssumeRole, CredentialProcess, DefaultRole};
use keytide_aws_policy::SessionRevocation;
use keytide_core::{Agent, AgentIdentity, Cache, Reason};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let identity = AgentIdentity {
        agent_type: "invoice-reader".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        environment: "example".into(),
        owner: "payments".into(),
    };
    let agent = Agent::builder(identity).build()?;

    let mut arguments = std::env::args().skip(1);
    // The agent reports at its end on the caches that are still held.
    let (role_arn, _role) = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--moto"), url) => {
            let url = url.unwrap_or_else(|| "http://127.0.0.1:5000".to_owned());
            (MOTO_ROLE.to_owned(), with_moto(&agent, &url).await?)
        }
        (Some(arn), None) if arn.starts_with("arn:") => {
            (arn.to_owned(), with_an_account(&agent, arn).await?)
        }
        _ => return Err("usage: aws_assume_role --moto [URL] | aws_assume_role ROLE_ARN".into()),
    };

    let revocation = SessionRevocation::builder(role_arn)
        .agent(agent.identity(), agent.instance())
        .build()?;
    println!("this policy on the role would end the sessions of this instance, and of no other:");
    println!("{}", revocation.document());
    let report = agent.terminate(Reason::Finished).await;
    for revoked in &report.revoked {
        match revoked.residual_exposure {
            Duration::MAX => println!("{}: a key that never ends", revoked.cache),
            left => println!(
                "{}: some session is accepted for another {:.1} s; AWS takes none back before",
                revoked.cache,
                left.as_secs_f64()
            ),
        }
    }
    Ok(())
}

/// The role of this workload is the base; there is no key anywhere.
async fn with_an_account(agent: &Agent, role_arn: &str) -> Result<Cache, Failure> {
    let workload = agent.cache(DefaultRole::new()).build()?;
    let provider = AssumeRole::builder(role_arn, workload).build()?;
    let sessions = provider.sessions();
    let role = agent.cache(provider).build()?;
    let sts = client(aws_config::defaults(BehaviorVersion::latest()), &role).await?;

    println!("{}", who(&sts).await?);
    if let Some(session) = sessions.last() {
        println!("{session:#?}");
    }
    Ok(role)
}

/// moto has no platform that gives a first role, so a command with a made-up key stands in for it.
async fn with_moto(agent: &Agent, url: &str) -> Result<Cache, Failure> {
    let operator = CredentialProcess::new(
        r#"echo '{"Version":1,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"example"}'"#,
    );
    let operator = agent.cache(operator).danger_allow_static().build()?;
    let provider = AssumeRole::builder(MOTO_ROLE, operator)
        .region("eu-west-1")
        .endpoint_url(url)
        .raw_duration_seconds(3)
        .build()?;
    let role = agent.cache(provider).build()?;
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url);
    let sts = client(loader, &role).await?;

    let mut requests = 0;
    while role.status().rotations < 5 {
        let arn = who(&sts).await?;
        requests += 1;
        let status = role.status();
        println!(
            "session {}, {:.1} s left: {arn}",
            status.generation,
            status.remaining.unwrap_or_default().as_secs_f64()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!(
        "aws_assume_role: {} rotations, {requests} requests, 0 failures",
        role.status().rotations
    );
    Ok(role)
}

/// One client for the life of the program: what it signs with changes underneath.
async fn client(loader: ConfigLoader, role: &Cache) -> Result<aws_sdk_sts::Client, Failure> {
    let config = sdk_config(loader, role)?.load().await;
    Ok(aws_sdk_sts::Client::new(&config))
}

async fn who(sts: &aws_sdk_sts::Client) -> Result<String, Failure> {
    let identity = sts.get_caller_identity().send().await?;
    Ok(identity.arn.unwrap_or_default())
}

const MOTO_ROLE: &str = "arn:aws:iam::123456789012:role/invoices";
