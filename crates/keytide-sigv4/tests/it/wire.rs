//! Over the wire, to a server that checks what arrives with `aws-sigv4` and has a clock of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use keytide_core::{
    Agent, AgentIdentity, Cache, Error, Issued, Profile, ProvideCredential, Request,
};
use keytide_http::AuthorizedClient;
use keytide_testkit::server::{FaultServer, Good, Received, Reply};

use crate::*;

/// Mints `ASIA<n>` with the secret `secret-<n>` and the token `token-<n>`.
#[derive(Clone, Default)]
struct Mint(Arc<AtomicU64>);

impl ProvideCredential for Mint {
    fn profile(&self) -> Profile {
        Profile::signing_key("mint")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let n = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(
            Issued::signing_key(format!("ASIA{n}"), format!("secret-{n}"))
                .session_token(format!("token-{n}"))
                .expires_in(Duration::from_secs(3600)),
        )
    }
}

fn cache() -> Cache {
    let identity = AgentIdentity {
        agent_type: "t".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "o".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    agent.cache(Mint::default()).build().unwrap()
}

fn client(server: &FaultServer, cache: Cache) -> AuthorizedClient {
    let sigv4 = SigV4::builder("eu-central-1", "sqs").build().unwrap();
    AuthorizedClient::builder(keytide_http::reqwest::Client::builder().no_proxy(), cache)
        .attach(sigv4)
        .destination(server.origin())
        .build()
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server has a clock of its own, beside that of the agent"
)]
fn clock(ahead: Duration) -> SystemTime {
    SystemTime::now() + ahead
}

/// As `20150830T123600Z`.
fn basic(time: SystemTime) -> String {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let date = DateTime::from_secs(i64::try_from(seconds).unwrap());
    let mut text = date.fmt(Format::DateTime).unwrap();
    text.retain(|c| !matches!(c, '-' | ':'));
    text
}

/// What a service does: the date within five minutes, the signature over what arrived, the key one that is current.
fn judge(asked: &Received, ahead: Duration, refused: &str) -> Reply {
    let header = |name: &str| asked.header(name).unwrap_or_default().to_owned();
    let authorization = header("authorization");
    let field = |name: &str| {
        let rest = authorization.split_once(name).unwrap().1;
        rest.split(',').next().unwrap().to_owned()
    };
    let (credential, names) = (field("Credential="), field("SignedHeaders="));
    let n = credential
        .split('/')
        .next()
        .unwrap()
        .trim_start_matches("ASIA")
        .to_owned();
    let error = |status, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        Reply::new(status)
            .header("content-type", "application/xml")
            .body(body)
    };
    let date = header("x-amz-date");
    let near = |offset: u64| clock(ahead) - Duration::from_secs(300) + Duration::from_secs(offset);
    let Some(time) = (0..=600).map(near).find(|time| basic(*time) == date) else {
        return error(403, "RequestTimeTooSkewed");
    };
    if n == refused {
        return error(403, "ExpiredToken");
    }
    let identity: Identity = Credentials::new(
        format!("ASIA{n}"),
        format!("secret-{n}"),
        Some(format!("token-{n}")),
        None,
        "t",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name("sqs")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let given: HashMap<String, String> = names
        .split(';')
        .map(|name| (name.to_owned(), header(name)))
        .collect();
    let set = ["x-amz-date", "x-amz-security-token"];
    let headers = given
        .iter()
        .filter(|(name, _)| !set.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    let uri = format!("http://{}{}", header("host"), asked.target());
    let body = SignableBody::Bytes(asked.body());
    let request = SignableRequest::new(asked.method(), uri, headers, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let same = instructions
        .headers()
        .any(|(name, value)| name == "authorization" && value == authorization);
    if same {
        Reply::new(200)
    } else {
        error(403, "SignatureDoesNotMatch")
    }
}

#[tokio::test]
async fn what_arrives_is_what_was_signed_by_a_clock_that_is_learned() {
    let server = FaultServer::start(Good::new(|asked| judge(asked, AHEAD, "")));
    server.time_from(|| clock(AHEAD));
    let http = client(&server, cache());

    for (path, body) in [
        ("/q", "first"),
        ("/a%20b//c/../d?x=1&y=%2F&y=a+b&z", "Action=SendMessage"),
        ("/", ""),
    ] {
        let request = http
            .post(server.url(path))
            .header("x-amz-meta", " a   b ")
            .body(body.to_owned());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }

    // The first was refused for its date, and sent once more.
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn a_key_that_is_refused_is_replaced_and_the_request_signed_anew() {
    let server = FaultServer::start(Good::new(|asked| judge(asked, Duration::ZERO, "1")));
    let http = client(&server, cache());

    let response = http.get(server.url("/q")).send().await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    let requests = server.requests();
    let last = requests
        .last()
        .unwrap()
        .header("authorization")
        .unwrap()
        .to_owned();
    assert!(last.contains("Credential=ASIA2/"), "{last}");
}

const AHEAD: Duration = Duration::from_secs(2 * 3600);
