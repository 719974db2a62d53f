//! What cannot be built says what to mend.

use std::time::Duration;

use keytide_core::{
    Error, ErrorKind, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_oauth::{AssertionKey, ClientCredentials, ClientCredentialsBuilder};
use keytide_testkit::{Answer, ScriptedProvider};

use crate::support::{agent, p256, rsa};

#[test]
fn a_value_that_is_wrong_is_named() {
    let key = || AssertionKey::from_pem(p256().pem).unwrap();
    let good = || ClientCredentials::builder("https://login.example.com/token", "reader");
    let signed = || good().private_key_jwt(key());
    let cases: Vec<(&str, ClientCredentialsBuilder)> = vec![
        (
            "not https",
            ClientCredentials::builder("http://login.example.com/token", "reader")
                .private_key_jwt(key()),
        ),
        (
            "does not parse",
            ClientCredentials::builder("login", "reader").private_key_jwt(key()),
        ),
        (
            "user name or a password",
            ClientCredentials::builder("https://a:canary@login.example.com", "reader")
                .private_key_jwt(key()),
        ),
        (
            "client id",
            ClientCredentials::builder("https://login.example.com/token", "")
                .private_key_jwt(key()),
        ),
        (
            "client id",
            ClientCredentials::builder("https://login.example.com/token", "re\nader")
                .private_key_jwt(key()),
        ),
        ("no way to show", good()),
        (
            "more than one way",
            signed().danger_client_secret_post("canary"),
        ),
        ("more than one way", signed().private_key_jwt(key())),
        (
            "the token endpoint",
            ClientCredentials::builder("login.example.com/token", "reader").private_key_jwt(key()),
        ),
        ("secret is empty", good().danger_client_secret_basic("")),
        // Of a file, as a shell reads it.
        (
            "a control character",
            good().danger_client_secret_basic("canary\n"),
        ),
        (
            "a control character",
            good().danger_client_secret_post("\u{feff}canary\r"),
        ),
        (
            "assertion_audience",
            good()
                .assertion_audience("https://login.example.com")
                .danger_client_secret_post("canary"),
        ),
        (
            "assertion_lifetime",
            good()
                .danger_client_secret_basic("canary")
                .assertion_lifetime(Duration::from_secs(60)),
        ),
        ("scope", signed().scope("")),
        ("scope", signed().scope("a\"b")),
        ("scope", signed().scope("a\\b")),
        ("scope", signed().scope("ä")),
        ("resource", signed().resource("/relative")),
        (
            "resource",
            signed().resource("https://api.example.com/#part"),
        ),
        (
            "parameter \"client_secret\"",
            signed().parameter("client_secret", "canary"),
        ),
        (
            "parameter \"grant_type\"",
            signed().parameter("grant_type", "password"),
        ),
        ("parameter \"\"", signed().parameter("", "x")),
        (
            "lifetime of an assertion",
            signed().assertion_lifetime(Duration::from_secs(4)),
        ),
        (
            "lifetime of an assertion",
            signed().assertion_lifetime(Duration::from_secs(601)),
        ),
        (
            "lifetime if unsaid",
            signed().lifetime_if_unsaid(Duration::ZERO),
        ),
    ];
    for (expected, builder) in cases {
        let error = builder.build().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{expected}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(expected), "{expected}: {text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_client_secret_is_static_and_refused_as_such() {
    let provider = ClientCredentials::builder("https://login.example.com/token", "reader")
        .danger_client_secret_basic("canary")
        .build()
        .unwrap();

    let error = agent().cache(provider).build().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::StaticCredential);
    let text = format!("{error} {error:?}");
    assert!(text.contains("private_key_jwt"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn what_is_no_key_is_told_without_its_text() {
    for (expected, pem) in [
        ("is empty", String::new()),
        ("is empty", "\u{feff}\r\n".to_owned()),
        ("no line of it is -----BEGIN", "canary".to_owned()),
        ("binary or UTF-16", "\0canary".to_owned()),
        ("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nY2FuYXJ5\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned()),
        ("of a kind", "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n".to_owned()),
        ("holds PUBLIC KEY and no private key", "-----BEGIN PUBLIC KEY-----\nY2FuYXJ5\n-----END PUBLIC KEY-----\n".to_owned()),
        ("holds CERTIFICATE and no private key", "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n".to_owned()),
        ("and is broken", rsa().pem[..200].to_owned()),
    ] {
        let error = AssertionKey::from_pem(&pem).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{pem}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(expected), "{pem}: {text}");
        assert!(!text.contains("canary") && !text.contains("Y2Fu"), "{text}");
    }
}

#[test]
fn a_key_is_taken_however_its_pem_was_kept() {
    for key in [rsa(), p256()] {
        let indented = key.pem.replace('\n', "\n    ");
        for kept in [
            format!("\u{feff}{}", key.pem),
            format!("    {indented}"),
            key.pem.replace('\n', "\r\n"),
            key.pem.replace('\n', "\\n"),
            key.pem.trim_end().to_owned(),
        ] {
            let taken = AssertionKey::from_pem(&kept);
            assert!(taken.is_ok(), "{kept:?}: {taken:?}");
        }
    }
}

#[test]
fn debug_is_masked() {
    let (base, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(60)));
    script.token_prefix("canary-");
    let agent = agent();
    let subject = Subject::new(agent.cache(base).build().unwrap(), SubjectUse::Repeatable);
    let builder =
        || ClientCredentials::builder("https://login.example.com/token?k=canary", "reader");
    let pem = p256().pem;
    let body: String = pem.lines().nth(1).unwrap().chars().take(20).collect();
    let key = AssertionKey::from_pem(&pem).unwrap();
    for text in [
        format!(
            "{:?}",
            builder()
                .danger_client_secret_basic("canary")
                .build()
                .unwrap()
        ),
        format!(
            "{:?}",
            builder()
                .danger_client_secret_post("canary")
                .build()
                .unwrap()
        ),
        format!(
            "{:?}",
            builder().private_key_jwt(key.clone()).build().unwrap()
        ),
        format!("{:?}", builder().assertion(subject).build().unwrap()),
        format!("{:?}", AssertionKey::from_pem_file("/run/keys/client.pem")),
        format!("{key:?}"),
    ] {
        assert!(!text.contains("canary") && !text.contains(&body), "{text}");
    }
}

/// Keys to sign with, in the place of bearer tokens.
struct Keys;

impl ProvideCredential for Keys {
    fn profile(&self) -> Profile {
        Profile::signing_key("of_keys")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let issued = Issued::signing_key("id", "canary-key-that-signs".to_owned());
        Ok(issued.expires_in(Duration::from_secs(3600)))
    }
}

#[test]
fn an_assertion_that_would_be_a_signing_key_is_refused() {
    let keys = agent().cache(Keys).key("of the client").build().unwrap();

    let built = ClientCredentials::builder("https://login.example.com/token", "reader")
        .assertion(Subject::new(keys, SubjectUse::Repeatable))
        .build();

    let error = built.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    for named in ["of the client", "of_keys", "bearer tokens"] {
        assert!(error.to_string().contains(named), "{error}");
    }
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}
