//! What is tried.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_sdk_sts::config::Region;
use keytide_aws::bridge::{ObjectStoreCredentials, sdk_config};
use keytide_aws::{
    AssumeRole, AssumeRoleBuilder, CallerIdentityToken, CredentialProcess, DefaultRole, Env,
    WebIdentity, WebIdentityToken,
};
use keytide_aws_policy::session_name;
use keytide_core::{Agent, AgentIdentity, Cache, Credential, ErrorKind};
use keytide_http::AuthorizedClient;
use keytide_interop::{Failure, check};
use keytide_sigv4::SigV4;
use object_store::aws::AmazonS3Builder;
use object_store::{ClientOptions, ObjectStoreExt, PutPayload};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::crowd::{Tally, Users};
use crate::moto::Moto;
use crate::relay::{Relay, Seen, Sessions};

const REGION: &str = "eu-west-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/invoices";

fn agent() -> Result<Agent, Failure> {
    let identity = AgentIdentity {
        agent_type: "interop".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        environment: "test".into(),
        owner: "keytide".into(),
    };
    Ok(Agent::builder(identity).build()?)
}

/// The operator's static key: a stand-in for the platform, which moto does not have.
fn operator(agent: &Agent, moto: &Moto) -> Result<Cache, Failure> {
    let process = CredentialProcess::new(format!("cat '{}'", moto.keys.display()));
    Ok(agent.cache(process).danger_allow_static().build()?)
}

fn role(arn: &str, base: Cache, origin: String) -> AssumeRoleBuilder {
    AssumeRole::builder(arn, base)
        .region(REGION)
        .endpoint_url(origin)
        .raw_duration_seconds(3)
        .env(Env::of::<String, String>([]))
}

/// Each provider once, and what it says when moto says no.
pub(crate) async fn every_way_to_ask(moto: &Moto) -> Result<(), Failure> {
    println!("== every way to ask");
    let agent = agent()?;
    let operator = operator(&agent, moto)?;
    let name = session_name(agent.identity(), agent.instance());

    let provider = role(ROLE, operator.clone(), moto.origin()).build()?;
    let sessions = provider.sessions();
    let session = agent.cache(provider).build()?;
    let first = session.get().await?;
    let arn = format!("arn:aws:sts::123456789012:assumed-role/invoices/{name}");
    check(
        first.principal() == Some(arn.as_str()),
        format_args!("AssumeRole: {arn}"),
    )?;
    let last = sessions.last().ok_or("no session was told")?;
    println!("   {last:?}");
    check(last.arn == arn, "the session is told")?;

    println!("   a role whose trust policy names somebody else");
    let closed = role(
        "arn:aws:iam::123456789012:role/closed",
        operator.clone(),
        moto.origin(),
    );
    let error = agent
        .cache(closed.build()?)
        .build()?
        .get()
        .await
        .err()
        .ok_or("the closed role was given")?;
    println!("   {error}");
    let told = error.to_string();
    check(
        error.kind() == ErrorKind::Refused
            && told.contains("AccessDenied")
            && told.contains("sts:SetSourceIdentity and sts:TagSession"),
        "a denial is a refusal that names its first suspects",
    )?;

    let text = tokio::fs::read_to_string(&moto.keys).await?;
    let mut keys: Value = serde_json::from_str(&text)?;
    keys["SecretAccessKey"] = "wrong".into();
    let wrong = agent
        .cache(CredentialProcess::new(format!("echo '{keys}'")))
        .danger_allow_static()
        .build()?;
    let wrong = agent
        .cache(role(ROLE, wrong, moto.origin()).build()?)
        .build()?;
    let error = wrong
        .get()
        .await
        .err()
        .ok_or("a wrong signature was taken")?;
    println!("   {error}");
    check(
        error.kind() == ErrorKind::Refused && error.to_string().contains("SignatureDoesNotMatch"),
        "moto checks signatures, and a wrong one is a refusal",
    )?;

    let pool =
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws";
    let token = CallerIdentityToken::builder(pool, session.clone())
        .region(REGION)
        .build()?;
    let token = agent.cache(token).build()?.get().await?;
    let said = as_botocore(moto, &token, &*session.get().await?).await?;
    check(
        said.trim() == "the same signature",
        "CallerIdentityToken: botocore signs the request alike",
    )?;

    let home = std::path::absolute(moto.keys.with_extension("home"))?;
    tokio::fs::create_dir_all(home.join(".aws")).await?;
    let profile = format!(
        "[default]\nrole_arn = {ROLE}\nsource_profile = operator\nregion = {REGION}\n[profile operator]\ncredential_process = \
         cat '{}'\n",
        moto.keys.display()
    );
    tokio::fs::write(home.join(".aws/config"), profile).await?;
    let variables = Env::of([
        ("HOME", home.display().to_string()),
        ("AWS_ENDPOINT_URL", moto.origin()),
    ]);
    let default = agent
        .cache(
            DefaultRole::new()
                .env(variables)
                .danger_allow_endpoint(moto.origin()),
        )
        .build()?;
    check(
        default.get().await?.principal() == Some(arn.as_str()),
        "DefaultRole: a role of a profile over a command of another one",
    )
}

/// Has botocore sign the request of a token again. (moto itself hashes the query where a body is empty.)
async fn as_botocore(
    moto: &Moto,
    token: &Credential,
    keys: &Credential,
) -> Result<String, Failure> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(ToOwned::to_owned);
    let keys = keys.expose_signing_key("interop")?;
    let told = serde_json::json!({
        "token": text(token.expose_bearer("interop")?)?,
        "access_key": keys.key_id,
        "secret_key": text(keys.secret)?,
        "session_token": keys.session_token.map(text).transpose()?,
    });
    let mut child = Command::new(&moto.python)
        .arg(&moto.verify)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().ok_or("no input")?;
    input.write_all(told.to_string().as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    Ok(String::from_utf8(output.stdout)?)
}

/// A hundred users each of the SDK, of object_store and of SigV4 over the own client, for a minute.
pub(crate) async fn load(moto: &Moto, scale: u32) -> Result<(), Failure> {
    let (life, pause) = (LIFE * scale, PAUSE * scale);
    // Long enough for a few of them.
    let load = LOAD.max(4 * life);
    println!("== three times {USERS} users for {load:?}, with sessions of {life:?}");
    let agent = agent()?;
    let operator = operator(&agent, moto)?;
    let sessions = Sessions::default();
    let mut ways = Vec::new();

    let (cache, relay) = way(&agent, &operator, moto, (&sessions, life), "sdk").await?;
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(relay.origin())
        .retry_config(RetryConfig::disabled());
    let sts = aws_sdk_sts::Client::new(&sdk_config(loader, &cache)?.load().await);
    let users = Users::start(USERS, pause, move || {
        let ask = sts.get_caller_identity().send();
        async move { ask.await.map(drop).map_err(|error| format!("{error:?}")) }
    });
    ways.push(("aws-sdk-sts", cache, relay, users));

    let (cache, relay) = way(&agent, &operator, moto, (&sessions, life), "object_store").await?;
    let store = AmazonS3Builder::new()
        .with_region(REGION)
        .with_bucket_name("invoices")
        .with_endpoint(relay.origin())
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_retry(object_store::RetryConfig {
            max_retries: 0,
            ..object_store::RetryConfig::default()
        })
        .with_credentials(Arc::new(ObjectStoreCredentials::new(cache.clone())?))
        .build()?;
    let (store, path) = (
        Arc::new(store),
        object_store::path::Path::from("2026/11 november.txt"),
    );
    store.put(&path, PutPayload::from_static(b"paid")).await?;
    let users = Users::start(USERS, pause, move || {
        let (store, path) = (Arc::clone(&store), path.clone());
        async move {
            let object = store.get(&path).await.map_err(|error| error.to_string())?;
            let body = object.bytes().await.map_err(|error| error.to_string())?;
            if body.as_ref() == b"paid" {
                Ok(())
            } else {
                Err("another object".to_owned())
            }
        }
    });
    ways.push(("object_store", cache, relay, users));

    let (cache, relay) = way(&agent, &operator, moto, (&sessions, life), "sigv4").await?;
    let sigv4 = SigV4::builder(REGION, "sts").build()?;
    let http = AuthorizedClient::builder(reqwest::Client::builder().no_proxy(), cache.clone())
        .attach(sigv4)
        .destination(relay.origin())
        .patience(Duration::from_secs(5))
        .without_retry()
        .build()?;
    let url = format!("{}/", relay.origin());
    let users = Users::start(USERS, pause, move || {
        let ask = http
            .post(url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .body("Action=GetCallerIdentity&Version=2011-06-15")
            .send();
        async move {
            let answer = ask.await.map_err(|error| error.to_string())?;
            match answer.status().as_u16() {
                200 => Ok(()),
                status => Err(format!("status {status}")),
            }
        }
    });
    ways.push(("SigV4 over AuthorizedClient", cache, relay, users));

    tokio::time::sleep(load).await;
    let mut done = Vec::new();
    for (name, cache, relay, users) in ways {
        done.push((name, cache, users.stop().await, relay.seen()));
    }
    for (name, cache, tally, seen) in &done {
        judge(
            name,
            cache,
            tally,
            seen,
            load.as_secs() / life.as_secs() - 1,
        )?;
    }
    Ok(())
}

/// A role of its own for one kind of users, and a relay that watches them and the calls for their sessions.
async fn way(
    agent: &Agent,
    operator: &Cache,
    moto: &Moto,
    (sessions, life): (&Sessions, Duration),
    key: &str,
) -> Result<(Cache, Relay), Failure> {
    let relay = Relay::start(&moto.origin(), sessions).await?;
    let seconds = i32::try_from(life.as_secs())?;
    let provider = role(ROLE, operator.clone(), relay.origin())
        .raw_duration_seconds(seconds)
        .build()?;
    Ok((agent.cache(provider).key(key).build()?, relay))
}

fn judge(name: &str, cache: &Cache, tally: &Tally, seen: &Seen, least: u64) -> Result<(), Failure> {
    let status = cache.status();
    println!("   -- {name}");
    println!(
        "   users: {} good, {} bad {:?}",
        tally.good, tally.bad, tally.why
    );
    println!(
        "   wire: {} requests, {} signers, {} sessions issued, refused {:?}, expired {}, least life left at use {:?}",
        seen.requests,
        seen.signers.len(),
        seen.issued,
        seen.refused,
        seen.expired,
        seen.least_left
    );
    println!(
        "   cache: {} rotations, {} failures",
        status.rotations, status.failures
    );
    check(
        tally.bad == 0 && tally.good > 0 && seen.refused.is_empty() && seen.expired == 0,
        format_args!("{name}: {} requests, none refused, none failed", tally.good),
    )?;
    // No session lives longer, and one may be there before and one after.
    let signers = seen.signers.len() as u64;
    check(
        signers >= least,
        format_args!("{name}: {signers} sessions signed on the wire, at least {least}"),
    )?;
    let (issued, rotations) = (seen.issued, status.rotations);
    check(
        issued <= rotations + 2 && rotations <= issued,
        format_args!("{name}: {issued} calls of the provider for {rotations} rotations"),
    )
}

/// A token's role, from a moto that checks nothing; and one that fails with a page of HTML.
pub(crate) async fn web_identity(directory: &Path) -> Result<(), Failure> {
    println!("== a web identity");
    let agent = agent()?;
    let token = std::path::absolute(directory)?.join("token");
    tokio::fs::write(&token, "header.claims.signature").await?;
    let moto = Moto::lax(directory).await?;
    let provider = WebIdentity::builder(ROLE, WebIdentityToken::file(&token))
        .region(REGION)
        .endpoint_url(moto.origin())
        .raw_duration_seconds(3)
        .build()?;
    let credential = agent.cache(provider).build()?.get().await?;
    let name = session_name(agent.identity(), agent.instance());
    check(
        credential
            .principal()
            .is_some_and(|principal| principal.ends_with(&name)),
        format_args!("WebIdentity: {:?}", credential.principal()),
    )?;

    let broken = Moto::broken(directory).await?;
    let provider = WebIdentity::builder(ROLE, WebIdentityToken::file(&token))
        .region(REGION)
        .endpoint_url(broken.origin())
        .build()?;
    let error = agent
        .cache(provider)
        .build()?
        .get()
        .await
        .err()
        .ok_or("a broken server gave a role")?;
    println!("   {error}");
    check(
        error.kind() == ErrorKind::Unavailable,
        "a page of HTML with status 500 is an issuer in trouble",
    )
}

const LIFE: Duration = Duration::from_secs(3);
const USERS: u32 = 100;
const PAUSE: Duration = Duration::from_secs(3);
const LOAD: Duration = Duration::from_secs(60);
