use std::sync::{Barrier, mpsc};
use std::time::Duration;

use http::Method;
use keytide_core::{
    Agent, AgentIdentity, AgentType, Environment, Event, EventKind, Issued, Owner, Profile,
    ProvideCredential, Version,
};

use super::*;

/// Brings this secret back.
struct Brings(&'static str);

impl ProvideCredential for Brings {
    fn profile(&self) -> Profile {
        Profile::bearer("brings")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, keytide_core::Error> {
        Ok(Issued::bearer(self.0.to_owned()).expires_in(Duration::from_secs(900)))
    }
}

/// A credential, and how often it is exposed.
async fn given(secret: &'static str) -> (Agent, Arc<Credential>, mpsc::Receiver<()>) {
    let names = (
        AgentType("header"),
        Version("1"),
        Environment("test"),
        Owner("tests"),
    );
    let identity = AgentIdentity::new(names.0, names.1, names.2, names.3).unwrap();
    let (sender, exposed) = mpsc::channel();
    let agent = Agent::builder(identity)
        .observe(move |event: &Event| {
            if matches!(event.kind, EventKind::Exposed { .. }) {
                sender.send(()).unwrap();
            }
        })
        .build()
        .unwrap();
    let cache = agent.cache(Brings(secret)).build().unwrap();
    (agent, cache.get().await.unwrap(), exposed)
}

fn request() -> Request {
    Request::new(Method::GET, "https://api.example.com".parse().unwrap())
}

#[tokio::test]
async fn requests_that_find_no_value_wait_for_the_one_that_makes_it() {
    const REQUESTS: usize = 8;
    let (agent, credential, exposed) = given("token").await;
    let (header, together) = (Header::bearer(), Barrier::new(REQUESTS + 1));

    std::thread::scope(|scope| {
        let making = header.newest();
        for _ in 0..REQUESTS {
            scope.spawn(|| {
                together.wait();
                assert_eq!(
                    header.attach(&credential, &mut request()).unwrap(),
                    Attached::Yes
                );
            });
        }
        together.wait();
        for _ in 0..1000 {
            std::thread::yield_now();
        }
        drop(making);
    });

    drop((header, credential, agent));
    assert_eq!(exposed.iter().count(), 1);
}

#[tokio::test]
async fn a_secret_that_cannot_stand_in_a_header_is_an_error_without_it() {
    let (_agent, credential, _exposed) = given("two\r\nlines").await;

    for header in [
        Header::bearer(),
        Header::bare(HeaderName::from_static("x-api-key")),
    ] {
        let error = header.attach(&credential, &mut request()).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Credential);
        assert!(!format!("{error:?} {error}").contains("lines"));
    }
}
