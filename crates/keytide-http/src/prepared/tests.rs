use std::sync::{Barrier, mpsc};
use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use keytide_core::{Agent, AgentIdentity, Event, EventKind, Issued, Profile, ProvideCredential};

use super::*;
use crate::ErrorKind;
use crate::attach::{Basic, Bearer, NamedHeader};

/// Brings this secret back.
struct Brings(&'static str);

impl ProvideCredential for Brings {
    fn profile(&self) -> Profile {
        Profile::bearer("brings")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, keytide_core::Error> {
        Ok(Issued::password(self.0.to_owned()).expires_in(Duration::from_secs(900)))
    }
}

/// A credential, and how often it is exposed.
async fn given(secret: &'static str) -> (Agent, Arc<Credential>, mpsc::Receiver<()>) {
    let identity = AgentIdentity {
        agent_type: "header".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
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

fn attach<A: Attach>(prepared: &Prepared<A>, credential: &Credential) -> Result<HeaderMap, Error> {
    let (uri, mut headers) = (
        Uri::from_static("https://api.example.com/"),
        HeaderMap::new(),
    );
    let profile = prepared.attach.profile();
    let now = SystemTime::UNIX_EPOCH;
    let mut request = Outgoing::new(&profile, &Method::GET, &uri, &mut headers, None, now)?;
    assert_eq!(
        prepared.attach(credential, &mut request)?,
        Attached::Current
    );
    Ok(headers)
}

#[tokio::test]
async fn requests_that_find_no_value_wait_for_the_one_that_makes_it() {
    const REQUESTS: usize = 8;
    let (agent, credential, exposed) = given("token").await;
    let together = Barrier::new(REQUESTS + 1);
    let prepared = Prepared::new(
        Bearer::new(),
        agent.cache(Brings("other")).build().unwrap().sender(),
    );

    std::thread::scope(|scope| {
        let making = prepared.newest();
        for _ in 0..REQUESTS {
            scope.spawn(|| {
                together.wait();
                assert!(attach(&prepared, &credential).unwrap()[AUTHORIZATION].is_sensitive());
            });
        }
        together.wait();
        for _ in 0..1000 {
            std::thread::yield_now();
        }
        drop(making);
    });

    drop((prepared, credential, agent));
    assert_eq!(exposed.iter().count(), 1);
}

#[tokio::test]
async fn a_secret_that_cannot_stand_in_a_header_is_an_error_without_it() {
    for (secret, bearer_says) in [
        ("two lines", "byte 3 "),
        (" lines", "byte 0 "),
        ("lines ", "byte 5 "),
        ("two,lines", "byte 3 "),
        ("\"lines\"", "byte 0 "),
        ("lines\u{e4}", "byte 5 "),
    ] {
        let (agent, credential, _exposed) = given(secret).await;
        let cache = agent.cache(Brings("other")).build().unwrap();
        let bearer = attach(&Prepared::new(Bearer::new(), cache.sender()), &credential);
        let named = Prepared::new(NamedHeader::new("x-api-key").unwrap(), cache.sender());
        let named = attach(&named, &credential);

        let error = bearer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credential);
        let text = format!("{error:?} {error}");
        assert!(
            text.contains(bearer_says) && !text.contains("lines"),
            "{text}"
        );
        // Blanks around a value are no part of it where it arrives, and what is no ASCII is read in different ways.
        let refused = secret.trim() != secret || !secret.is_ascii();
        assert_eq!(named.is_err(), refused, "{secret}");
        if let Err(error) = named {
            assert_eq!(error.kind(), ErrorKind::Credential);
            assert!(!format!("{error:?} {error}").contains("lines"));
        }
    }
}

#[tokio::test]
async fn basic_is_user_and_secret_in_base64_and_nothing_else() {
    let (agent, credential, _exposed) = given("open sesame").await;
    let cache = agent.cache(Brings("other")).build().unwrap();

    for (user, value) in [
        ("Aladdin", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("", "Basic Om9wZW4gc2VzYW1l"),
        ("bücher", "Basic YsO8Y2hlcjpvcGVuIHNlc2FtZQ=="),
    ] {
        let prepared = Prepared::new(Basic::new(user).unwrap(), cache.sender());
        let headers = attach(&prepared, &credential).unwrap();
        assert_eq!(headers[AUTHORIZATION], value);
        assert!(headers[AUTHORIZATION].is_sensitive());
    }
    for user in ["a:b", "a\nb", "a\u{7f}"] {
        let error = Basic::new(user).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{user:?}");
    }
}

/// Sets a header that its profile does not name.
struct Liar;

impl Attach for Liar {
    type Ready = ();

    fn profile(&self) -> crate::AttachProfile {
        crate::AttachProfile::new([AUTHORIZATION])
    }

    fn prepare(&self, _: &Credential) -> Result<(), Error> {
        Ok(())
    }

    fn attach(&self, (): &(), request: &mut Outgoing<'_>) -> Result<(), Error> {
        request.set(http::header::COOKIE, http::HeaderValue::from_static("x"))
    }

    fn answered(&self, _: &Answer<'_>) -> Remedy {
        Remedy::None
    }
}

#[tokio::test]
async fn what_the_profile_does_not_name_cannot_be_set() {
    let (agent, credential, _exposed) = given("token").await;
    let prepared = Prepared::new(Liar, agent.cache(Brings("other")).build().unwrap().sender());

    let error = attach(&prepared, &credential).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Credential);
}
