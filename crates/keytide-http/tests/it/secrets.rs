//! Where the secret is not.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_http::ErrorKind;
use tracing_subscriber::util::SubscriberInitExt;

use crate::server::{Server, ok, redirect, unauthorized};
use crate::{agent, builder, client};

const CANARY: &str = "c4n4ry-5ecret";

struct Canary;

impl ProvideCredential for Canary {
    fn profile(&self) -> Profile {
        Profile::bearer("canary")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Ok(Issued::bearer(CANARY.to_owned()).expires_in(Duration::from_secs(900)))
    }
}

#[tokio::test]
async fn no_debug_error_or_log_shows_the_secret() {
    let _logging = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(|| Watched)
        .finish()
        .set_default();
    let elsewhere = Server::start(|_| ok()).await;
    let away = elsewhere.url("/?q=query-secret");
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/away" => redirect(302, &away),
        "/refused" => unauthorized(),
        _ => ok(),
    })
    .await;
    let cache = agent().cache(Canary).build().unwrap();
    let building = builder(&cache).destination(server.origin());
    let mut shown = vec![format!("{building:?}")];
    let http = building.build().unwrap();
    let custom = builder(&cache)
        .destination(server.origin())
        .credential_header("x-api-key")
        .build()
        .unwrap();
    let gone = client(&cache, [&server, &elsewhere]);
    drop(elsewhere);

    // The refusal comes last: an origin is not sent what it refused.
    let mut kinds = Vec::new();
    for path in ["/", "/away", "/refused"] {
        for http in [&http, &custom, &gone] {
            let request = http.get(server.url(path)).header("x-mine", "mine");
            shown.push(format!("{http:?} {request:?}"));
            match request.send().await {
                Ok(response) => shown.push(format!("{response:?}")),
                Err(error) => {
                    kinds.push(error.kind());
                    shown.push(chain(&error));
                }
            }
        }
    }
    assert!(kinds.starts_with(&[
        ErrorKind::Redirect,
        ErrorKind::Redirect,
        ErrorKind::Transport
    ]));
    let elsewhere = http
        .get("https://example.com/?q=query-secret")
        .send()
        .await
        .unwrap_err();
    shown.push(chain(&elsewhere));
    drop(cache.revoke());
    shown.push(chain(&http.get(server.url("/")).send().await.unwrap_err()));

    assert!(
        server.seen()[0].authorization().unwrap().contains(CANARY),
        "it was sent"
    );
    let shown = shown.join("\n");
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(!shown.contains("query-secret"), "{shown}");
    assert!(
        LINES.load(Ordering::SeqCst) > 0,
        "nothing was logged, so nothing was shown"
    );
    assert!(
        !LEAKED.load(Ordering::SeqCst),
        "a log at TRACE shows the secret"
    );
}

/// All that can be printed of an error and its sources; each message once.
fn chain(error: &keytide_http::Error) -> String {
    let mut messages = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        messages.push(error.to_string());
        next = error.source();
    }
    for message in &messages {
        let holders = messages
            .iter()
            .filter(|other| other.contains(message.as_str()))
            .count();
        assert_eq!(holders, 1, "{message} stands twice in {messages:?}");
    }
    format!("{error:?} {}", messages.join(": "))
}

static LEAKED: AtomicBool = AtomicBool::new(false);
static LINES: AtomicUsize = AtomicUsize::new(0);

/// Takes what is logged, a line at a time.
struct Watched;

impl io::Write for Watched {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if text.contains("reqwest") {
            LINES.fetch_add(1, Ordering::SeqCst);
        }
        if text.contains(CANARY) {
            LEAKED.store(true, Ordering::SeqCst);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
