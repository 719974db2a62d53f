//! Names, judged by where they lead.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Error, ErrorKind, Issued, Profile, ProvideCredential, Request,
};
use tokio::net::TcpListener;

use crate::client::names::Names;
use crate::client::{Dialect, Endpoint, IssuerClient};

/// Asks an endpoint for nothing in particular.
struct Asking {
    client: IssuerClient,
    endpoint: Endpoint,
}

static NO_CODES: Dialect = Dialect::new(|_| Vec::new(), &[]);

impl ProvideCredential for Asking {
    fn profile(&self) -> Profile {
        Profile::bearer("asking")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let reply = self.client.get(&self.endpoint).send(request).await?;
        let answer = reply.accept(&NO_CODES)?;
        let token = String::from_utf8_lossy(answer.body()).into_owned();
        Ok(Issued::bearer(token).expires_in(Duration::from_secs(900)))
    }
}

async fn asked(client: IssuerClient, endpoint: &str) -> Error {
    let identity = AgentIdentity {
        agent_type: "guard".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    let endpoint = Endpoint::parse(endpoint).unwrap();
    let cache = agent.cache(Asking { client, endpoint }).build().unwrap();
    cache.get().await.unwrap_err()
}

/// Counts the connections to a port of this machine.
async fn listening() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_name_that_leads_where_no_issuer_can_be_is_not_connected_to() {
    let (port, connections) = listening().await;
    for addresses in [
        vec!["127.0.0.1"],
        vec!["127.8.8.8"],
        vec!["::1"],
        vec!["::ffff:127.0.0.1"],
        vec!["::127.0.0.1"],
        vec!["64:ff9b::7f00:1"],
        vec!["64:ff9b::a9fe:a9fe"],
        vec!["64:ff9b::a83f:8110"],
        // The network's own NAT64, with a prefix of 96, 64, 56 and 48 bits.
        vec!["64:ff9b:1::7f00:1"],
        vec!["64:ff9b:1:abcd:7f:0:100:0"],
        vec!["64:ff9b:1:ab7f::1:0:0"],
        vec!["64:ff9b:1:7f00:0:100::"],
        vec!["::ffff:0:7f00:1"],
        // Teredo: a client, and a server.
        vec!["2001:0:c000:201::80ff:fffe"],
        vec!["2001:0:7f00:1::3fff:fdfe"],
        // ISATAP.
        vec!["2001:db8::5efe:7f00:1"],
        vec!["2001:db8::200:5efe:a9fe:a9fe"],
        vec!["fe80::5efe:c000:201"],
        vec!["2002:7f00:1::"],
        vec!["169.254.169.254"],
        vec!["::ffff:169.254.169.254"],
        vec!["169.254.170.2"],
        vec!["169.254.170.23"],
        vec!["169.254.3.3"],
        vec!["fd00:ec2::254"],
        vec!["fd20:ce::254"],
        vec!["fe80::1"],
        vec!["0.0.0.0"],
        vec!["::"],
        vec!["255.255.255.255"],
        vec!["224.0.0.251"],
        vec!["ff02::fb"],
        vec!["100.100.100.200"],
        vec!["100.96.0.96"],
        vec!["192.0.0.192"],
        vec!["168.63.129.16"],
        vec!["fd00:ec2::23"],
        vec!["fd00:c1::a9fe:a9fe"],
        vec!["fd00:42::42"],
        vec!["fd00:a9fe:a9fe::1"],
        vec!["fd00:100::100:200"],
        // A good address does not make up for a bad one, whichever comes first.
        vec!["192.0.2.1", "127.0.0.1"],
        vec!["127.0.0.1", "192.0.2.1"],
        vec!["192.0.2.1", "64:ff9b::7f00:1"],
    ] {
        let table: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let client = IssuerClient::with_names(
            IssuerClient::builder().no_proxy(),
            Names::fixed([("rebound.example", table)]),
        );

        let error = asked(client, &format!("https://rebound.example:{port}/token")).await;

        assert_eq!(error.kind(), ErrorKind::Unavailable, "{addresses:?}");
        assert!(
            error.to_string().contains("rebound.example leads to"),
            "{addresses:?}: {error}"
        );
    }
    assert_eq!(connections.load(Ordering::Relaxed), 0);
}

/// What DNS64 makes of a good address, alone and beside it, and the other forms that carry one.
#[tokio::test]
async fn an_address_that_carries_a_good_one_is_as_good() {
    for addresses in [
        vec!["64:ff9b::c000:201"],
        vec!["192.0.2.1", "64:ff9b::c000:201"],
        vec!["64:ff9b::a00:1"],
        vec!["64:ff9b:1::c000:201"],
        vec!["64:ff9b:1::a01:200"],
        vec!["64:ff9b:1:abcd:c0:2:100:0"],
        vec!["64:ff9b:1:abc0:0:201::"],
        vec!["64:ff9b:1:c000:2:100::"],
        vec!["::ffff:192.0.2.1"],
        vec!["::192.0.2.1"],
        vec!["::ffff:0:c000:201"],
        vec!["2002:c000:201::1"],
        vec!["2001:0:c000:201::3fff:fdfe"],
        vec!["2001:db8::5efe:c000:201"],
        vec!["2001:db8::1"],
        vec!["fd00:c2::1"],
        vec!["168.63.129.17"],
    ] {
        let table: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();

        let names = Names::fixed([("issuer.example", table.clone())]);
        let found = names.find("issuer.example").await;

        let found: Vec<IpAddr> = found
            .unwrap_or_else(|error| panic!("{addresses:?}: {error}"))
            .iter()
            .map(std::net::SocketAddr::ip)
            .collect();
        assert_eq!(found, table);
    }
}

#[tokio::test]
async fn a_name_without_an_address_says_so() {
    let client = IssuerClient::with_names(IssuerClient::builder().no_proxy(), Names::fixed([]));

    let error = asked(client, "https://nowhere.example/token").await;

    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.to_string().contains("https://nowhere.example"),
        "{error}"
    );
}

#[tokio::test]
async fn localhost_is_never_looked_up() {
    let (port, connections) = listening().await;
    let elsewhere = vec!["192.0.2.1".parse::<IpAddr>().unwrap()];
    let client = IssuerClient::with_names(
        IssuerClient::builder().answer_timeout(Duration::from_millis(200)),
        Names::fixed([("localhost", elsewhere)]),
    );

    asked(client, &format!("http://localhost:{port}/token")).await;

    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

/// With a proxy, which must not be asked: what is on this machine is another thing on that of a proxy.
#[tokio::test]
async fn a_name_may_lead_to_this_machine_where_it_was_told_to_and_then_nowhere_else() {
    let (port, connections) = listening().await;
    let (proxy, through) = listening().await;
    let leading = |addresses: &[&str], named: &str| {
        let table = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let builder = IssuerClient::builder()
            .answer_timeout(Duration::from_millis(500))
            .danger_loopback_name(named)
            .unwrap()
            .proxy(&format!("http://127.0.0.1:{proxy}"))
            .unwrap();
        IssuerClient::with_names(builder, Names::fixed([("issuer.dev.example", table)]))
    };
    let url = format!("https://issuer.dev.example:{port}/token");

    // Nobody speaks TLS there.
    asked(leading(&["127.0.0.1"], "Issuer.DEV.example"), &url).await;
    assert_eq!(connections.load(Ordering::Relaxed), 1);

    for addresses in [vec!["192.0.2.1"], vec!["127.0.0.1", "192.0.2.1"]] {
        let error = asked(leading(&addresses, "issuer.dev.example"), &url).await;
        assert!(
            error.to_string().contains("leads to another machine"),
            "{error}"
        );
    }
    let metadata = asked(leading(&["169.254.169.254"], "issuer.dev.example"), &url).await;
    assert!(
        metadata.to_string().contains("a metadata address"),
        "{metadata}"
    );
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    assert_eq!(through.load(Ordering::Relaxed), 0);

    // Another name is asked as ever: through the proxy.
    asked(leading(&["127.0.0.1"], "other.dev.example"), &url).await;
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    assert_eq!(through.load(Ordering::Relaxed), 1);
}

#[test]
fn only_the_name_of_a_host_is_placed_here() {
    for wrong in [
        "",
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "a b",
        "https://a.example",
        "a.example.",
        "a/b",
    ] {
        let error = IssuerClient::builder()
            .danger_loopback_name(wrong)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{wrong}");
    }
}
