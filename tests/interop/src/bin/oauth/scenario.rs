//! What is tried with the authorization server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use keytide_core::{Agent, AgentIdentity, Cache, Error, ErrorKind};
use keytide_http::AuthorizedClient;
use keytide_interop::{Crowd, Failure, Machine, Peer, Recipe, Tally, check, free_port};
use keytide_oauth::{AssertionKey, ClientCredentials, ClientCredentialsBuilder};
use serde_json::Value;

/// The peers, where they are.
pub(crate) struct Stage {
    directory: PathBuf,
    faketime: String,
    machine: Machine,
    issuer_port: u16,
    api_port: u16,
}

type Proof = fn(&Stage) -> Result<ClientCredentialsBuilder, Failure>;

impl Stage {
    pub(crate) fn new(
        directory: PathBuf,
        faketime: String,
        machine: &Machine,
    ) -> Result<Self, Failure> {
        Ok(Self {
            directory,
            faketime,
            machine: machine.clone(),
            issuer_port: free_port()?,
            api_port: free_port()?,
        })
    }

    async fn issuer(&self, moved_by: Option<&str>) -> Result<Peer, Failure> {
        let mut command = vec![
            "node".to_owned(),
            "issuer.mjs".to_owned(),
            self.issuer_port.to_string(),
            self.keys().display().to_string(),
            self.life().as_secs().to_string(),
        ];
        if let Some(by) = moved_by {
            let env = [
                "env".to_owned(),
                format!("LD_PRELOAD={}", self.faketime),
                format!("FAKETIME={by}"),
                "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            ];
            command.splice(0..0, env);
        }
        self.start("issuer", command).await
    }

    async fn api(&self) -> Result<Peer, Failure> {
        let ports = [self.api_port.to_string(), self.issuer_port.to_string()];
        let mut command = vec!["node".to_owned(), "api.mjs".to_owned()];
        command.extend(ports);
        self.start("api", command).await
    }

    async fn start(&self, name: &'static str, command: Vec<String>) -> Result<Peer, Failure> {
        Peer::start(&Recipe {
            name,
            command,
            directory: self.directory.clone(),
        })
        .await
    }

    /// How long a token lives.
    fn life(&self) -> Duration {
        LIFE * self.machine.scale()
    }

    /// How long a reader rests.
    fn pause(&self) -> Duration {
        PAUSE * self.machine.scale()
    }

    fn keys(&self) -> PathBuf {
        Path::new("keys").to_owned()
    }

    fn key(&self, name: &str) -> PathBuf {
        self.directory.join(self.keys()).join(format!("{name}.pem"))
    }

    fn builder(&self, client: &str) -> ClientCredentialsBuilder {
        let token_endpoint = format!("http://127.0.0.1:{}/token", self.issuer_port);
        ClientCredentials::builder(token_endpoint, client)
            .scope("invoices.read")
            .resource("https://api.example.com/")
    }

    /// The server takes assertions for its issuer identifier.
    fn signed(&self, key: &str) -> ClientCredentialsBuilder {
        self.builder(&format!("agent-{key}"))
            .assertion_audience(format!("http://127.0.0.1:{}", self.issuer_port))
            .private_key_jwt(AssertionKey::from_pem_file(self.key(key)).key_id(key))
    }

    fn cache(&self, builder: ClientCredentialsBuilder) -> Result<Cache, Error> {
        let identity = AgentIdentity {
            agent_type: "interop".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            environment: "test".into(),
            owner: "keytide".into(),
        };
        let agent = Agent::builder(identity).build()?;
        agent.cache(builder.build()?).danger_allow_static().build()
    }

    fn client(&self, cache: Cache, patience: Duration) -> Result<AuthorizedClient, Failure> {
        let client = AuthorizedClient::builder(reqwest::Client::builder(), cache)
            .destination(self.api_origin())
            .patience(patience)
            .build()?;
        Ok(client)
    }

    fn api_origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    fn url(&self) -> String {
        format!("{}/invoices", self.api_origin())
    }
}

pub(crate) fn secret(stage: &Stage) -> Result<ClientCredentialsBuilder, Failure> {
    Ok(stage
        .builder("agent basic:1")
        .danger_client_secret_basic("b+sec%ret/1"))
}

pub(crate) fn signed(stage: &Stage) -> Result<ClientCredentialsBuilder, Failure> {
    Ok(stage.signed("p256"))
}

/// Each kind of key and secret gets a token that the API accepts, with the scope and the resource that were asked for.
pub(crate) async fn every_way_to_show_who_asks(stage: &Stage) -> Result<(), Failure> {
    println!("== every way to show who asks");
    let _issuer = stage.issuer(None).await?;
    let mut api = stage.api().await?;
    let post = stage
        .builder("agent-post")
        .danger_client_secret_post("p&sec=ret 2");
    let ways = [
        ("RS256", "agent-rsa", stage.signed("rsa")),
        ("ES256", "agent-p256", stage.signed("p256")),
        ("ES384", "agent-p384", stage.signed("p384")),
        ("EdDSA", "agent-ed25519", stage.signed("ed25519")),
        ("client_secret_basic", "agent basic:1", secret(stage)?),
        ("client_secret_post", "agent-post", post),
    ];
    for (name, client_id, builder) in ways {
        let cache = stage.cache(builder)?;
        let client = stage.client(cache.clone(), Duration::from_secs(5))?;
        let response = client.get(stage.url()).send().await?;
        let told = api.ask().await?;
        let expected = format!("{client_id} invoices.read https://api.example.com/");
        check(
            response.status() == 200 && told["scopes"][&expected] == 1,
            format_args!("{name}: {} as {expected:?}", response.status()),
        )?;
    }

    let wrong = stage
        .builder("agent-post")
        .danger_client_secret_post("wrong");
    let error = stage.cache(wrong)?.get().await.err();
    let refused = error.is_some_and(|error| {
        println!("   {error}");
        error.kind() == ErrorKind::Refused && error.to_string().contains("invalid_client")
    });
    check(refused, "a wrong secret is refused by its code")?;
    let wrong = stage.signed("p256").resource("https://other.example.com/");
    let error = stage.cache(wrong)?.get().await.err();
    let refused = error.is_some_and(|error| {
        println!("   {error}");
        error.kind() == ErrorKind::Refused && error.to_string().contains("invalid_target")
    });
    check(
        refused,
        "a resource that the issuer does not know is refused by its code",
    )
}

/// A hundred readers for a minute: not one request is refused.
pub(crate) async fn load(stage: &Stage, name: &str, proof: Proof) -> Result<(), Failure> {
    let life = stage.life();
    // Long enough for a few of them.
    let load = LOAD.max(4 * life);
    println!("== {READERS} readers for {load:?}, by {name}, with tokens of {life:?}");
    let mut issuer = stage.issuer(None).await?;
    let mut api = stage.api().await?;
    let cache = stage.cache(proof(stage)?)?;
    let client = stage.client(cache.clone(), Duration::from_secs(5))?;

    let crowd = Crowd::start(&client, &stage.url(), READERS, stage.pause());
    tokio::time::sleep(load).await;
    let tally = crowd.stop().await;
    let (told, asked) = (api.ask().await?, issuer.ask().await?);

    report(&tally, &told, &asked, &cache);
    nothing_refused(&tally, &told)?;
    let tokens = number(&told, "tokens");
    // None lives longer, and one may be there before and one after.
    let least = load.as_secs() / life.as_secs() - 1;
    check(
        tokens >= least,
        format_args!("{tokens} tokens came by, at least {least}"),
    )?;
    let granted = number(&asked, "granted");
    check(
        granted <= tokens + 2,
        format_args!("{granted} calls for {tokens} tokens"),
    )?;
    check(
        number(&asked, "refused") == 0,
        "the issuer refused no exchange",
    )
}

/// The issuer's clock is hours off: what it refuses at first teaches the date of the next assertion.
pub(crate) async fn skewed(stage: &Stage, by: &str) -> Result<(), Failure> {
    println!("== the issuer's clock is {by} off");
    let mut issuer = stage.issuer(Some(by)).await?;
    let mut api = stage.api().await?;
    let cache = stage.cache(signed(stage)?)?;
    let client = stage.client(cache.clone(), Duration::from_secs(5))?;

    let from = Instant::now();
    let mut first = cache.get().await;
    while first.is_err() && from.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        first = cache.get().await;
    }
    first?;
    println!("   first token after {:?}", from.elapsed());
    let before = issuer.ask().await?;
    let refused = number(&before, "refused");
    check(
        refused <= 1,
        format_args!("{refused} assertions were refused, one at most"),
    )?;

    let crowd = Crowd::start(&client, &stage.url(), READERS, stage.pause());
    tokio::time::sleep(SHORT).await;
    let tally = crowd.stop().await;
    let (told, asked) = (api.ask().await?, issuer.ask().await?);

    report(&tally, &told, &asked, &cache);
    nothing_refused(&tally, &told)?;
    let skew = cache.status().issuer_clock_skew;
    check(
        (skew.abs() - 7200.0).abs() < 5.0,
        format_args!("the skew was learned: {skew:.1} s"),
    )?;
    check(
        number(&asked, "refused") == refused,
        "no assertion was refused after the first answer",
    )
}

/// The issuer is gone for longer than a token lives.
pub(crate) async fn outage(stage: &Stage) -> Result<(), Failure> {
    let gone = OUTAGE * stage.machine.scale();
    println!("== the issuer is gone for {gone:?}");
    let issuer = stage.issuer(None).await?;
    let mut api = stage.api().await?;
    let cache = stage.cache(signed(stage)?)?;
    let patience = Duration::from_millis(300);
    let client = stage.client(cache.clone(), patience)?;
    let crowd = Crowd::start(&client, &stage.url(), READERS, stage.pause());
    tokio::time::sleep(2 * stage.life()).await;

    // Right after a rotation, so that it is known when the last token ends.
    let generation = cache.status().generation;
    while cache.status().generation == generation {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (before, told) = (crowd.look(), api.ask().await?);
    nothing_refused(&before, &told)?;

    issuer.kill().await?;
    let down = Instant::now();
    tokio::time::sleep(gone).await;
    let during = crowd.look();
    let mut issuer = stage.issuer(None).await?;
    let gone = down.elapsed();
    println!("   it was gone for {gone:?}");
    // Recovery takes no longer than the outage did, a tenth of a second and one latency (row 13 of the contract): as long as
    // there was no token, at the most. What the machine adds is told beside it.
    let busy = stage.machine.longest_gap();
    let bound = gone + Duration::from_millis(100) + LATENCY + busy;
    let recovered = crowd.next_accepted(bound + Duration::from_secs(10)).await?;
    println!("   the first request was accepted {recovered:?} after it was back");
    let meanwhile = crowd.look();
    let told = api.ask().await?;
    println!("   during the outage: {during:?}; until it was over: {meanwhile:?}");
    println!("   the API saw: {told}");
    check(during.errors > 0, "reads failed while there was no token")?;
    let untyped = during.untyped + meanwhile.untyped;
    check(
        untyped == 0,
        "each with a typed error, for want of a credential",
    )?;
    let slowest = during.slowest_error.max(meanwhile.slowest_error);
    check(
        slowest < patience + LATENCY + stage.machine.longest_gap(),
        format_args!("within their patience of {patience:?}: {slowest:?} at most"),
    )?;
    let oldest = number(&told, "oldest_ms");
    check(
        u128::from(oldest) <= (stage.life() + stage.machine.longest_gap()).as_millis(),
        format_args!("no token was sent after its end: the oldest was {oldest} ms old"),
    )?;
    check(
        recovered < bound,
        format_args!("recovered within {bound:?}, as long as the outage was: {recovered:?}"),
    )?;

    tokio::time::sleep(SHORT).await;
    let tally = crowd.stop().await;
    let (told, asked) = (api.ask().await?, issuer.ask().await?);
    report(&tally, &told, &asked, &cache);
    nothing_refused(&tally, &told)
}

fn nothing_refused(tally: &Tally, told: &Value) -> Result<(), Failure> {
    let Tally {
        accepted,
        refused,
        other,
        errors,
        ..
    } = tally;
    check(
        *accepted > 0 && *refused == 0 && *other == 0 && *errors == 0,
        format_args!(
            "{accepted} requests accepted, {refused} refused, {other} others, {errors} errors"
        ),
    )?;
    let refused = number(told, "refused");
    check(
        refused == 0,
        format_args!("the API refused {refused} tokens"),
    )
}

fn report(tally: &Tally, told: &Value, asked: &Value, cache: &Cache) {
    println!("   readers: {tally:?}");
    println!("   the API saw: {told}");
    println!("   the issuer saw: {asked}");
    let status = cache.status();
    println!(
        "   the cache: {} rotations, {} failures",
        status.rotations, status.failures
    );
}

fn number(told: &Value, name: &str) -> u64 {
    told[name].as_u64().unwrap_or(u64::MAX)
}

/// What an exchange and a request take on a machine that does nothing else.
const LATENCY: Duration = Duration::from_millis(250);
const LIFE: Duration = Duration::from_secs(3);
const READERS: usize = 100;
const PAUSE: Duration = Duration::from_millis(500);
const LOAD: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(15);
const OUTAGE: Duration = Duration::from_secs(5);
