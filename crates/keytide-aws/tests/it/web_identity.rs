//! Roles got with a token of another issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keytide_aws::{Env, WebIdentity, WebIdentityToken};
use keytide_aws_policy::session_name;
use keytide_core::{ErrorKind, Subject, SubjectUse};
use keytide_testkit::aws::{Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer};
use keytide_testkit::{Answer, ScriptedProvider};

use crate::support::{ROLE, agent, ask, chain, client, field, form};

#[tokio::test]
async fn the_environment_of_a_pod_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "header.claims.signature\n").unwrap();
    let sts = FaultServer::start(Sts::new("web-golden-"));
    let variables = Env::of([
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path.display().to_string()),
        ("AWS_ROLE_ARN", ROLE.to_owned()),
        ("AWS_ROLE_SESSION_NAME", "ignored".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ENDPOINT_URL_STS", sts.origin()),
    ]);
    let agent = agent();
    let provider = WebIdentity::new()
        .env(variables)
        .danger_allow_endpoint(sts.origin());
    let sessions = provider.sessions();
    let cache = agent.cache(provider).build().unwrap();

    let credential = cache.get().await.unwrap();

    let asked = &sts.requests()[0];
    let name = session_name(agent.identity(), agent.instance());
    let mut expected: Vec<_> = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", name.as_str()),
        ("WebIdentityToken", "header.claims.signature"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    expected.sort();
    assert_eq!(form(asked), expected);
    assert_eq!(asked.header("authorization"), None, "it is not signed");
    assert_eq!(asked.header("x-amz-security-token"), None);
    assert_eq!(
        credential.expose_signing_key("test").unwrap().secret,
        b"web-golden-secret-1"
    );
    assert_eq!(
        credential.principal(),
        sessions.last().map(|session| session.arn).as_deref()
    );
}

#[tokio::test]
async fn settings_reach_the_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "header.claims.signature").unwrap();
    let sts = FaultServer::start(Sts::new("web-set-"));
    let provider = WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .duration(Duration::from_secs(7200))
        .policy("{}")
        .policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess")
        .build()
        .unwrap();

    ask(provider).await.unwrap();

    let asked = &sts.requests()[0];
    for (name, value) in [
        ("DurationSeconds", "7200"),
        ("Policy", "{}"),
        (
            "PolicyArns.member.1.arn",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ),
    ] {
        assert_eq!(field(asked, name).as_deref(), Some(value));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_rotations_of_the_file_under_load_each_carry_the_new_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let swap = |number: usize| {
        let fresh = directory.path().join("fresh");
        std::fs::write(&fresh, format!("header.claims-{number}.signature")).unwrap();
        std::fs::rename(&fresh, &path).unwrap();
    };
    swap(0);
    let sts = FaultServer::start(Sts::new("web-fifty-"));
    let provider = WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
    let cache = agent().cache(provider).build().unwrap();
    cache.get().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..16)
        .map(|_| {
            let (cache, stop) = (cache.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut reads = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    cache.get().await.unwrap();
                    reads += 1;
                    tokio::task::yield_now().await;
                }
                reads
            })
        })
        .collect();

    for number in 1..=50 {
        swap(number);
        cache.refresh_now().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);

    let mut reads = 0;
    for reader in readers {
        reads += reader.await.unwrap();
    }
    let sent: Vec<_> = sts
        .requests()
        .iter()
        .map(|asked| field(asked, "WebIdentityToken").unwrap())
        .collect();
    let expected: Vec<_> = (0..=50)
        .map(|number| format!("header.claims-{number}.signature"))
        .collect();
    assert_eq!(sent, expected);
    assert!(reads > 1000, "{reads} reads meanwhile");
}

#[tokio::test]
async fn the_token_may_come_from_any_cache_of_bearer_tokens() {
    let agent = agent();
    let (token, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
    let token = agent.cache(token).build().unwrap();
    let sts = FaultServer::start(Sts::new("web-subject-"));
    let provider = WebIdentity::builder(
        ROLE,
        WebIdentityToken::subject(Subject::new(token.clone(), SubjectUse::Repeatable)),
    )
    .region("eu-west-1")
    .endpoint_url(sts.origin())
    .build()
    .unwrap();
    let cache = agent.cache(provider).build().unwrap();
    cache.get().await.unwrap();
    let first = String::from_utf8(
        token
            .get()
            .await
            .unwrap()
            .expose_bearer("test")
            .unwrap()
            .to_vec(),
    )
    .unwrap();

    cache.refresh_now().await.unwrap();

    assert_eq!(script.calls(), 2, "a forced refresh asks the base too");
    let second = String::from_utf8(
        token
            .get()
            .await
            .unwrap()
            .expose_bearer("test")
            .unwrap()
            .to_vec(),
    )
    .unwrap();
    let sent: Vec<_> = sts
        .requests()
        .iter()
        .map(|asked| field(asked, "WebIdentityToken").unwrap())
        .collect();
    assert_eq!(sent, [first, second]);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token").display().to_string();
    let file = "AWS_WEB_IDENTITY_TOKEN_FILE";
    let sts = FaultServer::start(Sts::new("web-missing-"));
    let from = async |variables: Vec<(&str, String)>| {
        let mut variables = variables;
        variables.push(("AWS_REGION", "eu-west-1".to_owned()));
        variables.push(("AWS_ENDPOINT_URL", sts.origin()));
        ask(WebIdentity::new().env(Env::of(variables)))
            .await
            .unwrap_err()
    };
    let role = || ("AWS_ROLE_ARN", ROLE.to_owned());

    let error = from(vec![]).await;
    assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");
    let error = from(vec![role()]).await;
    assert!(
        error.kind() == ErrorKind::Misconfigured && error.to_string().contains(file),
        "{error}"
    );
    let error = from(vec![(file, path.clone())]).await;
    assert!(
        error.kind() == ErrorKind::Misconfigured && error.to_string().contains("AWS_ROLE_ARN"),
        "{error}"
    );
    let error = from(vec![
        (file, path.clone()),
        ("AWS_ROLE_ARN", ROLE.replace("role/", "rolle/")),
    ])
    .await;
    assert!(
        error.kind() == ErrorKind::Misconfigured && chain(&error).contains("names no role"),
        "{}",
        chain(&error)
    );
    let error = from(vec![(file, path.clone()), role()]).await;
    assert!(
        error.kind() == ErrorKind::Unavailable && error.to_string().contains(&path),
        "{error}"
    );
    for (content, kind, says) in [
        ("", ErrorKind::Unavailable, "is empty"),
        ("\u{feff}\r\n", ErrorKind::Unavailable, "is empty"),
        ("two\nlines", ErrorKind::Misconfigured, "(0x0a) at offset 3"),
        ("sp ace", ErrorKind::Misconfigured, "(0x20) at offset 2"),
        ("\"a.b.c\"", ErrorKind::Misconfigured, "(0x22) at offset 0"),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = from(vec![(file, path.clone()), role()]).await;
        assert_eq!(error.kind(), kind, "{content:?}: {error}");
        let text = error.to_string();
        assert!(text.contains(says) && text.contains(&path), "{text}");
    }
    assert_eq!(sts.connections(), 0);
}

#[tokio::test]
async fn what_stands_around_a_token_is_not_sent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "\u{feff} header.claims.signature\r\n").unwrap();
    let sts = FaultServer::start(Sts::new("web-trimmed-"));
    let provider = WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client())
        .build()
        .unwrap();

    ask(provider).await.unwrap();

    let form = sts.requests()[0].form();
    let token = form.iter().find(|(name, _)| name == "WebIdentityToken");
    assert_eq!(token.unwrap().1, "header.claims.signature");
}

#[tokio::test]
async fn a_denial_names_the_action_of_the_trust_policy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "header.claims.signature").unwrap();
    let sts = FaultServer::start(Sts::new("web-denied-"));
    sts.set(Fault::answer(
        "no",
        refusal(403, "AccessDenied"),
        Outcome::Either,
    ));
    let provider = WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client())
        .build()
        .unwrap();

    let error = ask(provider).await.unwrap_err();

    assert!(
        error.to_string().contains("sts:AssumeRoleWithWebIdentity"),
        "{error}"
    );
    assert!(error.to_string().contains(ROLE), "{error}");
}
