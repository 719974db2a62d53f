//! Fifty users of a blob store, half through keytide's client and half through the Azure SDK, with tokens of seconds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, Request, RetryOptions, Transport,
};
use keytide_azure::bridge::SdkCredentials;
use keytide_azure::{IssuerClient, WorkloadIdentity};
use keytide_core::Cache;
use keytide_http::AuthorizedClient;
use keytide_interop::{Failure, Machine, Peer, Recipe, check, free_port};
use keytide_testkit::azure::{Entra, assertion};
use keytide_testkit::server::{FaultServer, TestCa};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::task::JoinSet;

use crate::{AUDIENCE, CLIENT, ISSUER, SUBJECT, TENANT, agent, now};

pub(crate) async fn fifty_users(directory: &Path, machine: &Machine) -> Result<(), Failure> {
    let (life, pause) = (LIFETIME * machine.scale(), PAUSE * machine.scale());
    let load = FOR.max(4 * life);
    let files = tempfile::tempdir()?;
    let root = certificates(files.path())?;
    let port = free_port()?;
    let argument = |name: &str| files.path().join(name).display().to_string();
    std::fs::create_dir(files.path().join("store"))?;
    let mut command = vec!["node".to_owned(), "store.mjs".to_owned(), port.to_string()];
    command.extend(["store.pem", "store.key", "store"].map(argument));
    let store = Peer::start(&Recipe {
        name: "store",
        command,
        directory: directory.to_owned(),
    })
    .await?;

    let ca = TestCa::new();
    let entra = Entra::new(TENANT)
        .federated(CLIENT, ISSUER, SUBJECT)
        .lifetime(life)
        .start(&ca);
    let file = files.path().join("token");
    std::fs::write(
        &file,
        assertion(ISSUER, SUBJECT, AUDIENCE, now() + Duration::from_secs(3600)),
    )?;
    let cache = cache(&entra, &ca, &file)?;
    let http = || {
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root.clone()])
    };
    let origin = format!("https://127.0.0.1:{port}");
    let url = format!("{origin}/devstoreaccount1?comp=list");

    refuses_what_is_no_token_of_it(&http().build()?, &url).await?;
    let ours = AuthorizedClient::builder(http(), cache.clone())
        .destination(&origin)
        .build()?;
    let theirs = pipeline(http().build()?, &cache);
    let tally = Arc::new(Tally::default());
    let mut users = JoinSet::new();
    for user in 0..USERS {
        let (tally, url) = (Arc::clone(&tally), url.clone());
        let (ours, theirs) = (ours.clone(), theirs.clone());
        users.spawn(async move {
            tokio::time::sleep(pause.mul_f64(user as f64 / USERS as f64)).await;
            while !tally.over.load(Ordering::Relaxed) {
                let status = if user % 2 == 0 {
                    by_us(&ours, &url).await
                } else {
                    by_them(&theirs, &url).await
                };
                tally.add(user % 2 == 0, status);
                tokio::time::sleep(pause).await;
            }
        });
    }
    tokio::time::sleep(load).await;
    tally.over.store(true, Ordering::Relaxed);
    while users.join_next().await.is_some() {}

    let tokens = entra.count();
    let take = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (ours, theirs) = (take(&tally.ours), take(&tally.theirs));
    let (refused, failed) = (take(&tally.refused), take(&tally.failed));
    println!(
        "   {USERS} users for {load:?}, tokens of {life:?}: {ours} requests by keytide's client and {theirs} by the SDK \
         accepted, {refused} refused, {failed} failed; {tokens} tokens"
    );
    check(
        refused == 0 && failed == 0,
        "no request was refused, and none failed",
    )?;
    // A seventh of what they would send if an answer took no time.
    let enough = load.as_millis() / pause.as_millis() * USERS as u128 / 2 / 7;
    check(
        u128::from(ours) > enough && u128::from(theirs) > enough,
        format_args!("there were requests enough by both, more than {enough}"),
    )?;
    let least = load.as_secs() / life.as_secs();
    check(tokens >= least, "the tokens rotated underneath")?;
    check(
        tokens <= 4 * least,
        "Entra was not asked more often than that needs",
    )?;
    store.kill().await
}

/// The store looks: without that, that nothing is refused would say nothing.
async fn refuses_what_is_no_token_of_it(http: &reqwest::Client, url: &str) -> Result<(), Failure> {
    let past = assertion(
        "https://sts.windows.net/x/",
        SUBJECT,
        "https://storage.azure.com",
        now() - Duration::from_secs(5),
    );
    for token in ["not-a-token", &past] {
        let request = http
            .get(url)
            .header("x-ms-version", VERSION)
            .bearer_auth(token);
        let status = request.send().await?.status().as_u16();
        check(
            matches!(status, 401 | 403),
            format!("the store refuses what is no good token: {status}"),
        )?;
    }
    Ok(())
}

#[derive(Default)]
struct Tally {
    over: AtomicBool,
    ours: AtomicU64,
    theirs: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    fn add(&self, by_us: bool, status: Result<u16, String>) {
        let count = match status {
            Ok(200) if by_us => &self.ours,
            Ok(200) => &self.theirs,
            Ok(status) => {
                eprintln!("   refused: {status}");
                &self.refused
            }
            Err(error) => {
                eprintln!("   failed: {error}");
                &self.failed
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn by_us(client: &AuthorizedClient, url: &str) -> Result<u16, String> {
    let request = client.get(url).header("x-ms-version", VERSION);
    let response = request.send().await.map_err(|error| format!("{error:?}"))?;
    Ok(response.status().as_u16())
}

async fn by_them(pipeline: &Pipeline, url: &str) -> Result<u16, String> {
    let url = url.parse().map_err(|_| "no URL")?;
    let mut request = Request::new(url, Method::Get);
    request.insert_header("x-ms-version", VERSION);
    match pipeline.send(&Context::new(), &mut request, None).await {
        Ok(response) => Ok(u16::from(response.status())),
        Err(error) => error
            .http_status()
            .map(u16::from)
            .ok_or_else(|| format!("{error:?}")),
    }
}

fn cache(entra: &FaultServer, ca: &TestCa, file: &Path) -> Result<Cache, Failure> {
    let client = IssuerClient::builder().root_certificates(ca.root_pem().as_bytes())?;
    let provider = WorkloadIdentity::builder("https://storage.azure.com")
        .tenant_id(TENANT)
        .client_id(CLIENT)
        .token_file(file)
        .authority(entra.origin())
        .client(client.build()?);
    Ok(agent()?.cache(provider.build()?).build()?)
}

fn pipeline(http: reqwest::Client, cache: &Cache) -> Pipeline {
    let cache = cache.clone();
    let credential = SdkCredentials::asked_each_time(move |_| Ok(cache.clone()));
    let policy =
        BearerTokenAuthorizationPolicy::new(credential, ["https://storage.azure.com/.default"]);
    let options = ClientOptions {
        transport: Some(Transport::new(Arc::new(http))),
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    };
    Pipeline::new(
        Some("interop"),
        Some("1"),
        options,
        Vec::new(),
        vec![Arc::new(policy)],
        None,
    )
}

/// Writes the store's certificate and key, and gives the root that vouches for it.
fn certificates(to: &Path) -> Result<reqwest::Certificate, Failure> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &root)?;
    std::fs::write(to.join("store.pem"), certificate.pem())?;
    std::fs::write(to.join("store.key"), key.serialize_pem())?;
    Ok(reqwest::Certificate::from_pem(root.pem().as_bytes())?)
}

const USERS: usize = 50;
const FOR: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(400);
const LIFETIME: Duration = Duration::from_secs(4);
const VERSION: &str = "2021-10-04";
