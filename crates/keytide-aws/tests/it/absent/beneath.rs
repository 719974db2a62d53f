//! What starts from something that is not there.

use super::*;

#[tokio::test]
async fn half_of_what_somebody_set_ends_the_search() {
    for (set, named) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"),
        ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
    ] {
        let machine = Machine::new("half-").set(set, "canary");
        let error = machine.failed().await;
        names(&error, ErrorKind::Misconfigured, &[set, named]);
        assert!(!chain(&error).contains("canary"), "{error}");
        assert_eq!(machine.asked(), 0, "{set}");
    }
    for (missing, set) in [
        (
            "AWS_ACCESS_KEY_ID",
            ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"],
        ),
    ] {
        let function = Machine::new("half-lambda-").set("AWS_LAMBDA_FUNCTION_NAME", "f");
        let function = set
            .into_iter()
            .fold(function, |machine, name| machine.set(name, "x"));
        names(
            &function.failed().await,
            ErrorKind::Misconfigured,
            &[missing],
        );
        assert_eq!(function.asked(), 0, "{missing}");
    }
}

#[tokio::test]
async fn a_profile_that_starts_from_what_is_not_here_ends_the_search() {
    let off = ("AWS_EC2_METADATA_DISABLED", "true");
    let no = ("AWS_UNUSED", "x");
    for (source, (name, value)) in [
        ("EcsContainer", no),
        ("Environment", no),
        ("Ec2InstanceMetadata", off),
    ] {
        for roles in [
            format!("[default]\nrole_arn = {ROLE}\ncredential_source = {source}\n"),
            format!(
                "[default]\nrole_arn = {ROLE}\nsource_profile = base\n[profile base]\ncredential_source = {source}\n"
            ),
            format!("[default]\ncredential_source = {source}\n"),
        ] {
            let machine = Machine::new("start-").config(&roles).set(name, value);
            let machine = match source {
                "Ec2InstanceMetadata" => machine.container(),
                _ => machine,
            };
            let error = machine.failed().await;
            names(
                &error,
                ErrorKind::Misconfigured,
                &["the profile ", source, "is not configured here"],
            );
            assert_eq!(machine.asked(), 0, "{source}");
        }
    }

    let bare = Machine::new("start-bare-").container().config(&format!(
        "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
    ));
    bare.instance.set(Fault::answer(
        "no role",
        keytide_testkit::server::Reply::json(
            404,
            &serde_json::json!({"code": "InstanceProfileNotFound"}),
        ),
        Outcome::Either,
    ));
    names(
        &bare.failed().await,
        ErrorKind::Misconfigured,
        &["the profile default", "Ec2InstanceMetadata"],
    );
    assert_eq!(bare.container.count() + bare.sts.count(), 0);
}

#[tokio::test]
async fn a_chain_does_not_pass_over_what_rests_on_a_cache_that_is_not_configured() {
    let agent = agent();
    let nothing = || ContainerEndpoint::new().env(Env::of::<String, String>([]));
    let base = agent.cache(nothing()).build().unwrap();
    let (tokens, _) = ScriptedProvider::new(Answer::fail(Error::not_configured("no tokens here")));
    let tokens = agent.cache(tokens).build().unwrap();
    let other = FaultServer::start(Container::new("rests-other-"));
    let sts = FaultServer::start(Sts::new("rests-sts-"));

    let role = AssumeRole::builder(ROLE, base.clone())
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
    let error = first(&agent, role, container(&other)).await;
    names(
        &error,
        ErrorKind::Misconfigured,
        &[
            "assume_role",
            ROLE,
            "container_endpoint",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ],
    );
    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let web = WebIdentity::builder(
            ROLE,
            WebIdentityToken::subject(Subject::new(tokens.clone(), usage)),
        )
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
        let error = first(&agent, web, container(&other)).await;
        names(
            &error,
            ErrorKind::Misconfigured,
            &["web_identity", ROLE, "scripted", "no tokens here"],
        );
    }
    assert_eq!(other.count() + sts.count(), 0);

    let (fallback, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(60)));
    let outbound = OutboundToken::builder("audience", base.clone())
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
    let error = first(&agent, outbound, fallback).await;
    names(
        &error,
        ErrorKind::Misconfigured,
        &["outbound_token", "container_endpoint"],
    );
    assert_eq!(script.calls(), 0);
    let (fallback, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(60)));
    let google = CallerIdentityToken::builder("//iam", base.clone())
        .region("eu-west-1")
        .build()
        .unwrap();
    let error = first(&agent, google, fallback).await;
    names(
        &error,
        ErrorKind::Misconfigured,
        &["caller_identity_token", "container_endpoint"],
    );
    assert_eq!(script.calls(), 0);

    // What is not configured itself is passed over all the same.
    let passed = Chain::first(nothing()).then(container(&other));
    let credential = agent.cache(passed).build().unwrap().get().await.unwrap();
    assert_eq!(secret(&credential), "rests-other-secret-1");
}

#[tokio::test]
async fn a_chain_of_the_sdk_does_not_pass_over_a_cache_that_is_not_configured() {
    let agent = agent();
    let nothing = ContainerEndpoint::new().env(Env::of::<String, String>([]));
    let cache = agent.cache(nothing).build().unwrap();
    let other = FaultServer::start(Container::new("sdk-other-"));
    let other_cache = agent.cache(container(&other)).build().unwrap();
    let search =
        CredentialsProviderChain::first_try("keytide", SdkCredentials::new(cache).unwrap())
            .or_else("other", SdkCredentials::new(other_cache).unwrap());

    let error = search.provide_credentials().await.unwrap_err();

    assert!(
        matches!(error, CredentialsError::InvalidConfiguration(_)),
        "{error:?}"
    );
    assert_eq!(other.count(), 0);
}

#[tokio::test]
async fn an_answer_of_sts_never_says_that_a_role_is_not_configured() {
    let (agent, sts) = (agent(), FaultServer::start(Sts::new("profile-sts-")));
    let other = FaultServer::start(Container::new("profile-other-"));
    let no = refusal(404, "InstanceProfileNotFound");
    sts.set(Fault::answer("no", no, Outcome::Either));
    let (base, _platform) = crate::support::base(&agent, "profile-base-");
    let role = AssumeRole::builder(ROLE, base)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client())
        .build()
        .unwrap();

    let error = first(&agent, role, container(&other)).await;

    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(other.count(), 0);
}
