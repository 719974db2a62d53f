//! What is at the places that are the same on every machine, and what becomes of it.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError::Timeout;
use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache, ErrorKind, LongLived};
use keytide_testkit::TestClock;
use keytide_testkit::server::{At, Fault, FaultServer, Received, Reply};

use super::*;

const VAULT: &str = "https://vault.azure.net";

fn agent() -> Agent {
    let identity = AgentIdentity {
        agent_type: "azure".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity).build().unwrap()
}

/// A cache that takes tokens of 24 h.
fn cache(provider: DefaultIdentity) -> Cache {
    let cache = agent().cache(provider).long_lived(LongLived::Flag);
    cache.build().unwrap()
}

/// On a machine whose IMDS, if it has one, is here, and that says nothing by variables.
fn at(imds: &str) -> DefaultIdentity {
    on(Machine {
        imds: imds.to_owned(),
        arc: "/nowhere/azcmagent/bin/himds".into(),
    })
}

fn on(machine: Machine) -> DefaultIdentity {
    let none: [(&str, &str); 0] = [];
    let mut builder = DefaultIdentity::builder(VAULT).env(Env::of(none));
    builder.machine = machine;
    builder.build().unwrap()
}

/// What is at the place of IMDS, and what the chain says of it.
async fn chain_at(origin: &str) -> keytide_core::Error {
    let cache = agent().cache(at(origin)).build().unwrap();
    cache.get().await.unwrap_err()
}

/// By a clock that goes on only where everybody waits for it: how busy the machine is does not count.
#[tokio::test(start_paused = true)]
async fn without_imds_the_chain_knows_within_a_second() {
    let hanging = FaultServer::start(|_: &Received| Reply::new(200));
    hanging.set(Fault::hang(At::BeforeHeaders));
    let silent = FaultServer::start(|_: &Received| Reply::new(200));
    silent.set(Fault::hang(At::Accept));
    let gone = FaultServer::start(|_: &Received| Reply::new(200));
    gone.stop();
    let servers = Arc::new([hanging, silent, gone]);
    for (which, what) in ["hangs", "says nothing", "is not there"]
        .into_iter()
        .enumerate()
    {
        let server = &servers[which];
        let agent = TestClock::new().agent().build().unwrap();
        let cache = agent.cache(at(&server.origin())).build().unwrap();
        let from = tokio::time::Instant::now();
        // It stands still until somebody is asked, whatever is looked at on threads before.
        let asked = Arc::clone(&servers);
        let (over, wait) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || {
            let pause = Duration::from_millis(1);
            while asked[which].connections() == 0 && wait.recv_timeout(pause) == Err(Timeout) {}
        });

        let error = cache.get().await.unwrap_err();

        drop(over);
        let took = from.elapsed();
        assert!(took < Duration::from_secs(1), "{what}: {took:?}");
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{what}: {error}");
        for each in [
            "AZURE_CLIENT_SECRET is not set",
            "AZURE_FEDERATED_TOKEN_FILE is not set",
            "no instance metadata service of Azure",
        ] {
            assert!(error.to_string().contains(each), "{error}");
        }
    }
}

#[tokio::test]
async fn what_answers_otherwise_than_azures_is_none_of_azure() {
    use ErrorKind::{NotConfigured, Throttled, Unavailable};
    let coded = "{\"error\":\"bad_request_102\"}";
    for (status, server, body, kind, asked) in [
        // Google, Amazon, OpenStack, a gateway, anything.
        (403, "Metadata Server for VM", "<html>", NotConfigured, 1),
        (401, "EC2ws", "", NotConfigured, 1),
        (404, "", "", NotConfigured, 1),
        (403, "", "", NotConfigured, 1),
        (400, "", "<html>", NotConfigured, 1),
        (200, "", "{}", NotConfigured, 1),
        // That of Azure, which then is asked for a token, and answers the same.
        (404, "IMDS/150.870.65.684", "", Unavailable, 2),
        (400, "", coded, ErrorKind::Refused, 2),
        (410, "", "", Unavailable, 2),
        (429, "", "", Throttled, 2),
        (500, "", "", Unavailable, 2),
    ] {
        let other = FaultServer::start(move |_: &Received| {
            Reply::new(status).header("server", server).body(body)
        });

        let error = chain_at(&other.origin()).await;

        assert_eq!(error.kind(), kind, "{status} {server}: {error}");
        assert_eq!(other.count(), asked, "{status} {server}");
    }
}

#[tokio::test]
async fn an_imds_that_was_found_is_probed_once_and_then_in_trouble_when_it_fails() {
    let imds = keytide_testkit::azure::Imds::new().start();
    let cache = cache(at(&imds.origin()));

    cache.get().await.unwrap();
    cache.refresh_now().await.unwrap();

    let asked = imds.requests();
    let with_header = |asked: &Received| asked.header("metadata").is_some();
    assert_eq!(
        asked.iter().map(with_header).collect::<Vec<_>>(),
        [false, true, true]
    );
    imds.stop();
    let error = cache.refresh_now().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_imds_that_somebody_named_is_in_trouble_and_never_absent() {
    let gone = FaultServer::start(|_: &Received| Reply::new(200));
    gone.stop();
    let named = Env::of([("AZURE_POD_IDENTITY_AUTHORITY_HOST", gone.origin())]);
    let provider = DefaultIdentity::builder(VAULT).env(named).build().unwrap();

    let error = cache(provider).get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_place_of_arcs_agent_that_cannot_be_looked_at_ends_the_search_and_only_as_long() {
    let imds = keytide_testkit::azure::Imds::new().start();
    let root = tempfile::tempdir().unwrap();
    let arc = root.path().join("himds");
    std::os::unix::fs::symlink("himds", &arc).unwrap();
    let cache = cache(on(Machine {
        imds: imds.origin(),
        arc: arc.clone(),
    }));

    let error = cache.get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    let named = arc.display().to_string();
    assert!(error.to_string().contains(&named), "{error}");
    assert_eq!(imds.count(), 0, "another identity stood in");
    std::fs::remove_file(&arc).unwrap();
    cache.refresh_now().await.unwrap();
    // Once to look whether it is there.
    assert_eq!(imds.count(), 2);
}
