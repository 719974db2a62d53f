//! The role of a workload, wherever it runs.

use keytide_aws_policy::session_name;
use keytide_core::ErrorKind;
use keytide_testkit::server::Fault;

use crate::machine::Machine;
use crate::support::{ROLE, agent, chain, field};

#[tokio::test]
async fn the_first_step_that_is_configured_is_the_one() {
    let instance = Machine::new("order1-");
    assert_eq!(instance.secret().await, "order1-imds-secret-3");

    let container = Machine::new("order2-").container();
    assert_eq!(container.secret().await, "order2-container-secret-1");
    assert_eq!(container.instance.count(), 0);

    let pod = Machine::new("order3-").container().file("token", "a.b.c");
    let path = pod.path("token");
    let pod = pod
        .set("AWS_WEB_IDENTITY_TOKEN_FILE", path)
        .set("AWS_ROLE_ARN", ROLE);
    assert_eq!(pod.secret().await, "order3-sts-secret-1");
    assert_eq!(pod.container.count(), 0);

    let profile = Machine::new("order4-").container().config(&format!(
        "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\nexternal_id = ext-1\n"
    ));
    assert_eq!(profile.secret().await, "order4-sts-secret-1");
    assert_eq!(profile.container.count(), 0);
    assert_eq!(
        field(&profile.sts.requests()[0], "ExternalId").as_deref(),
        Some("ext-1")
    );

    let function = profile
        .set("AWS_LAMBDA_FUNCTION_NAME", "f")
        .set("AWS_ACCESS_KEY_ID", "ASIA")
        .set("AWS_SECRET_ACCESS_KEY", "order5-lambda")
        .set("AWS_SESSION_TOKEN", "t");
    // A container endpoint goes before the keys in a function's environment.
    assert_eq!(function.secret().await, "order4-container-secret-1");
    let function = Machine::new("order5-")
        .set("AWS_LAMBDA_FUNCTION_NAME", "f")
        .set("AWS_ACCESS_KEY_ID", "ASIA")
        .set("AWS_SECRET_ACCESS_KEY", "order5-lambda")
        .set("AWS_SESSION_TOKEN", "t");
    assert_eq!(function.secret().await, "order5-lambda");
}

#[tokio::test]
async fn keys_that_never_expire_are_found_named_and_refused() {
    let environment = Machine::new("static1-")
        .container()
        .set("AWS_ACCESS_KEY_ID", "AKIACANARY")
        .set("AWS_SECRET_ACCESS_KEY", "canary-secret");
    let file = Machine::new("static2-").container().file(
        ".aws/credentials",
        "[default]\naws_access_key_id = AKIACANARY\naws_secret_access_key = canary-secret\n",
    );
    let source = Machine::new("static3-").container().config(&format!(
        "[default]\nrole_arn = {ROLE}\nsource_profile = long\n[profile long]\naws_access_key_id = AKIACANARY\n\
         aws_secret_access_key = canary-secret\n"
    ));
    for (machine, names) in [
        (environment, ["AWS_ACCESS_KEY_ID", "environment:"]),
        (file, ["the profile default", "aws_access_key_id"]),
        (source, ["the profile long", "aws_access_key_id"]),
    ] {
        let error = machine.failed().await;
        let text = chain(&error);
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{text}");
        for name in names {
            assert!(text.contains(name), "{text}");
        }
        assert!(
            text.contains("danger_allow_static_keys") && !text.to_lowercase().contains("canary"),
            "{text}"
        );
        assert_eq!(
            machine.container.count() + machine.sts.count() + machine.instance.count(),
            0
        );

        let allowed = machine.provider().danger_allow_static_keys();
        let cache = agent()
            .cache(allowed)
            .danger_allow_static()
            .build()
            .unwrap();
        cache
            .get()
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
    let session = Machine::new("static4-")
        .set("AWS_ACCESS_KEY_ID", "ASIA")
        .set("AWS_SECRET_ACCESS_KEY", "s")
        .set("AWS_SESSION_TOKEN", "t");
    assert!(session.failed().await.to_string().contains("nobody renews"));
}

#[tokio::test]
async fn roles_of_profiles_chain_and_each_carries_the_identity() {
    let second = ROLE.replace("invoices", "second");
    let machine = Machine::new("chain-").config(&format!(
        "[profile last]\nrole_arn = {second}\nsource_profile = first\nrole_session_name = ignored\n\
         [profile first]\nrole_arn = {ROLE}\nweb_identity_token_file = TOKEN\n"
    ));
    let config = std::fs::read_to_string(machine.path(".aws/config")).unwrap();
    let config = config.replace("TOKEN", &machine.path("token"));
    let machine = machine
        .config(&config)
        .file("token", "a.b.c")
        .set("AWS_PROFILE", "last");
    let agent = agent();

    agent
        .cache(machine.provider())
        .build()
        .unwrap()
        .get()
        .await
        .unwrap();

    let requests = machine.sts.requests();
    let received = |name: &str| {
        requests
            .iter()
            .map(|asked| field(asked, name))
            .collect::<Vec<_>>()
    };
    let name = Some(session_name(agent.identity(), agent.instance()));
    assert_eq!(received("RoleArn"), [Some(ROLE.to_owned()), Some(second)]);
    assert_eq!(received("RoleSessionName"), [name.clone(), name.clone()]);
    assert_eq!(
        received("SourceIdentity"),
        [None, name],
        "a token's session cannot be given one"
    );
    assert_eq!(
        received("WebIdentityToken"),
        [Some("a.b.c".to_owned()), None]
    );
}

#[tokio::test]
async fn a_profile_that_cannot_be_right_is_named() {
    let profile = |text: &str| format!("[default]\nregion = eu-west-1\n[profile p]\n{text}\n");
    let role = format!("role_arn = {ROLE}\n");
    for (text, says) in [
        (
            format!("{role}source_profile = p\n"),
            "says nothing of credentials",
        ),
        (format!("{role}source_profile = q\n"), "does not exist"),
        (
            format!("{role}source_profile = q\n[profile q]\n{role}source_profile = p\n"),
            "in a circle",
        ),
        (role.clone(), "neither source_profile nor credential_source"),
        (
            format!("{role}source_profile = q\ncredential_source = EcsContainer\n"),
            "both source_profile",
        ),
        (
            format!("{role}credential_source = Elsewhere\n"),
            "another credential_source",
        ),
        (
            format!("{role}source_profile = q\nmfa_serial = x\n"),
            "second factor",
        ),
        ("web_identity_token_file = /x\n".to_owned(), "no role_arn"),
        (
            "sso_session = s\nsso_account_id = 1\nsso_role_name = r\n".to_owned(),
            "sign-in of a person",
        ),
        ("login_session = arn\n".to_owned(), "sign-in of a person"),
        ("sso_region = r\n".to_owned(), "sign-in of a person"),
        (
            "source_profile = q\n".to_owned(),
            "source_profile and no role_arn",
        ),
        (
            "external_id = e\n".to_owned(),
            "external_id and no role_arn",
        ),
        (
            "aws_access_key_id = AKIA\n".to_owned(),
            "no aws_secret_access_key",
        ),
        (
            "aws_secret_access_key = s\n".to_owned(),
            "no aws_access_key_id",
        ),
        ("aws_session_token = t\n".to_owned(), "no aws_access_key_id"),
        (
            "aws_access_key_id = AKIA\ncredential_process = true\n".to_owned(),
            "no aws_secret_access_key",
        ),
        (
            format!("{role}source_profile = q\n[profile q]\naws_access_key_id = AKIA\n"),
            "the profile q",
        ),
        (
            format!(
                "{role}source_profile = q\n[profile q]\naws_access_key_id = AKIA\n{role}credential_source = Ec2InstanceMetadata\n"
            ),
            "the profile q",
        ),
        (
            "role_arn = arn:aws:iam::1:role/x\ncredential_source = Ec2InstanceMetadata\n"
                .to_owned(),
            "12 digits",
        ),
    ] {
        let machine = Machine::new("wrong-")
            .config(&profile(&text))
            .set("AWS_PROFILE", "p");
        let error = machine.failed().await;
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{text}: {error}");
        assert!(chain(&error).contains(says), "{text}: {}", chain(&error));
        assert_eq!(machine.asked(), 0, "{text}");
    }
    let missing = Machine::new("wrong-").set("AWS_PROFILE", "gone");
    assert!(
        missing
            .failed()
            .await
            .to_string()
            .contains("AWS_PROFILE names the profile gone")
    );
    // A profile that only names a region leaves the search to go on.
    let region = Machine::new("wrong5-").config("[default]\nregion = eu-west-1\n");
    assert_eq!(region.secret().await, "wrong5-imds-secret-3");
}

#[tokio::test]
async fn a_command_of_a_profile_is_run() {
    let json = r#"{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"proc-of-profile","SessionToken":"t","Expiration":"2999-01-01T00:00:00Z"}"#;
    let machine = Machine::new("process-").file("keys.json", json);
    let path = machine.path("keys.json");
    let machine = machine.config(&format!("[default]\ncredential_process = cat {path}\n"));

    let cache = agent()
        .cache(machine.provider())
        .long_lived(keytide_core::LongLived::Flag)
        .build()
        .unwrap();

    assert_eq!(
        cache
            .get()
            .await
            .unwrap()
            .expose_signing_key("test")
            .unwrap()
            .secret,
        b"proc-of-profile"
    );
}

#[tokio::test]
async fn a_step_that_fails_does_not_lead_on_to_another_principal() {
    let machine = Machine::new("stay-").container();
    machine.container.set(Fault::status(503));
    let error = machine.failed().await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("container_endpoint:"), "{error}");
    assert!(
        error.to_string().contains("passed over: environment:"),
        "{error}"
    );
    assert_eq!(machine.instance.count(), 0);

    machine.container.heal();
    let cache = agent().cache(machine.provider()).build().unwrap();
    cache.get().await.unwrap();
    machine.container.set(Fault::status(404));
    cache.refresh_now().await.unwrap_err();
    assert_eq!(machine.instance.count(), 0);
}

#[tokio::test]
async fn where_nothing_is_configured_each_step_says_why() {
    let machine = Machine::new("nothing-").set("AWS_EC2_METADATA_DISABLED", "true");

    let error = machine.failed().await;

    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    for step in [
        "environment:",
        "profile:",
        "web_identity:",
        "container_endpoint:",
        "imds:",
    ] {
        assert!(error.to_string().contains(step), "{error}");
    }
}
