//! Rule 19 downwards: an assertion that a projected token brings.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keytide_core::{
    Cache, Chain, Error, ErrorKind, Issued, Profile, ProvideCredential, Request, Subject,
    SubjectUse,
};
use keytide_kubernetes::ProjectedToken;
use keytide_oauth::ClientCredentials;
use keytide_testkit::server::{FaultServer, Good};
use keytide_testkit::{Answer, ScriptedProvider};

use crate::support::{agent, now, patient, text};

fn write(path: &Path, signature: &str) {
    let claims = format!(
        r#"{{"exp":{},"iat":{},"sub":"system:serviceaccount:billing:reader"}}"#,
        now() + 3600,
        now()
    );
    let token = format!(
        "{}.{}.{signature}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let next = path.with_extension("next");
    std::fs::write(&next, token).unwrap();
    std::fs::rename(next, path).unwrap();
}

struct Layers {
    server: FaultServer,
    directory: tempfile::TempDir,
    base: Cache,
    top: Cache,
}

impl Layers {
    fn new(usage: SubjectUse) -> Self {
        let server = FaultServer::start(Good::oauth("token-"));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        write(&path, "first");
        let agent = agent();
        let file = ProjectedToken::builder(&path)
            .poll_interval(Duration::from_millis(100))
            .build()
            .unwrap();
        let base = agent.cache(file).build().unwrap();
        let provider = ClientCredentials::builder(server.url("/token"), "reader")
            .assertion(Subject::new(base.clone(), usage))
            .client(patient())
            .build()
            .unwrap();
        let top = agent.cache(provider).build().unwrap();
        Self {
            server,
            directory,
            base,
            top,
        }
    }

    fn rotate(&self, signature: &str) {
        write(&self.directory.path().join("token"), signature);
    }

    /// The signatures of the assertions that the issuer was shown.
    fn presented(&self) -> Vec<String> {
        let requests = self.server.requests();
        let assertion = |asked: &keytide_testkit::server::Received| {
            let form = asked.form();
            let found = form.iter().find(|(name, _)| name == "client_assertion");
            found.unwrap().1.rsplit('.').next().unwrap().to_owned()
        };
        requests.iter().map(assertion).collect()
    }
}

#[tokio::test]
async fn a_forced_refresh_presents_what_the_file_holds_now() {
    let layers = Layers::new(SubjectUse::Repeatable);
    let first = layers.top.get().await.unwrap();
    assert_eq!(text(&first), "token-1");

    // Unchanged below is no error above: minted anew from the same assertion.
    let second = layers
        .top
        .rejected(1, "https://api.example.com")
        .await
        .unwrap();
    assert_eq!(text(&second), "token-2");
    layers.rotate("other");
    let third = layers.top.refresh_now().await.unwrap();

    assert_eq!(text(&third), "token-3");
    assert_eq!(layers.presented(), ["first", "first", "other"]);
    assert_eq!(layers.base.status().generation, 2);
}

#[tokio::test]
async fn an_assertion_that_is_taken_once_is_never_presented_twice() {
    let layers = Layers::new(SubjectUse::Once);
    layers.top.get().await.unwrap();

    let waiting = layers
        .top
        .rejected(1, "https://api.example.com")
        .await
        .unwrap_err();
    assert_eq!(waiting.kind(), ErrorKind::Rejected);
    let cause = format!("{waiting:?}");
    assert!(cause.contains("waiting for it to change"), "{cause}");
    assert_eq!(layers.presented(), ["first"], "not even when forced");
    layers
        .top
        .sender()
        .need("https://other.example.com")
        .get()
        .await
        .unwrap();

    layers.rotate("other");
    // The watch tells the layer above, and nobody has to ask.
    for _ in 0..200 {
        if layers.top.status().generation == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    assert_eq!(layers.top.status().generation, 2);
    assert_eq!(layers.presented(), ["first", "other"]);
}

#[tokio::test]
async fn an_assertion_that_is_taken_once_is_used_up_by_an_answer_that_is_lost() {
    let layers = Layers::new(SubjectUse::Once);
    layers.server.then(keytide_testkit::server::Fault::reset(
        keytide_testkit::server::At::InBody,
    ));

    layers.top.get().await.unwrap_err();
    let again = layers.top.refresh_now().await.unwrap_err();

    assert!(
        again.to_string().contains("waiting for it to change"),
        "{again}"
    );
    assert_eq!(layers.presented(), ["first"]);
    layers.rotate("other");
    layers.top.refresh_now().await.unwrap();
    assert_eq!(layers.presented(), ["first", "other"]);
}

/// Nobody configured the one who vouches.
struct Nobody;

impl ProvideCredential for Nobody {
    fn profile(&self) -> Profile {
        Profile::bearer("nobody")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Err(Error::not_configured("VOUCHING_FILE is not set"))
    }
}

#[tokio::test]
async fn one_whose_assertion_nobody_configured_is_not_passed_over() {
    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let agent = agent();
        let subject = Subject::new(agent.cache(Nobody).build().unwrap(), usage);
        let provider = ClientCredentials::builder("https://login.example.com/token", "reader")
            .assertion(subject)
            .build()
            .unwrap();
        let (other, _script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
        let cache = agent.cache(Chain::first(provider).then(other)).build();

        let answer = cache.unwrap().get().await;

        let error = answer.expect_err("another principal stood in");
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        for named in ["client_credentials", "nobody"] {
            assert!(error.to_string().contains(named), "{error}");
        }
        assert!(format!("{error:?}").contains("VOUCHING_FILE"), "{error:?}");
    }
}
