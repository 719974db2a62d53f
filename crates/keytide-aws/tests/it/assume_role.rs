//! Roles got with the keys of another principal.

use std::time::Duration;

use keytide_aws::{AssumeRole, AssumeRoleBuilder, Boundary, Env, IdentityTag};
use keytide_aws_policy::{Grant, session_name};
use keytide_core::{Agent, Cache, ErrorKind};
use keytide_testkit::aws::{Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer, Received};

use crate::support::{ROLE, agent, base, chain, client, field, form, identity};

fn role(server: &FaultServer, base: Cache) -> AssumeRoleBuilder {
    AssumeRole::builder(ROLE, base)
        .region("eu-west-1")
        .endpoint_url(server.origin())
        .client(client())
        .env(Env::of::<String, String>([]))
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn it_asks_as_the_agent_that_it_is() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-golden-");
    let sts = FaultServer::start(Sts::new("role-golden-sts-"));
    let provider = role(&sts, keys).build().unwrap();
    let sessions = provider.sessions();
    let cache = agent.cache(provider).build().unwrap();

    let credential = cache.get().await.unwrap();

    let requests = sts.requests();
    assert_eq!(requests.len(), 1);
    let asked = &requests[0];
    let instance = agent.instance().to_string();
    let name = format!("invoice=2Freader-{instance}");
    let mut expected = vec![
        pair("Action", "AssumeRole"),
        pair("Version", "2011-06-15"),
        pair("RoleArn", ROLE),
        pair("RoleSessionName", &name),
        pair("SourceIdentity", &name),
    ];
    let tags = [
        ("agent-type", "invoice/reader"),
        ("agent-version", "1.4.2"),
        ("agent-environment", "prod"),
        ("agent-owner", "payments=21"),
        ("agent-instance", instance.as_str()),
    ];
    for (index, (key, value)) in tags.into_iter().enumerate() {
        let member = index + 1;
        expected.push(pair(&format!("Tags.member.{member}.Key"), key));
        expected.push(pair(&format!("Tags.member.{member}.Value"), value));
        expected.push(pair(&format!("TransitiveTagKeys.member.{member}"), key));
    }
    expected.sort();
    assert_eq!(form(asked), expected);
    assert_eq!((asked.method(), asked.path()), ("POST", "/"));
    let content_type = asked.header("content-type");
    assert_eq!(content_type, Some("application/x-www-form-urlencoded"));
    let authorization = asked.header("authorization").unwrap();
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=ASIA0000000000000001/"),
        "{authorization}"
    );
    assert!(
        authorization.contains("/eu-west-1/sts/aws4_request"),
        "{authorization}"
    );
    assert_eq!(
        asked.header("x-amz-security-token"),
        Some("role-golden-session-1")
    );

    assert_eq!(
        credential.expose_signing_key("test").unwrap().secret,
        b"role-golden-sts-secret-1"
    );
    assert_eq!(
        credential.expose_signing_key("test").unwrap().session_token,
        Some(&b"role-golden-sts-session-1"[..])
    );
    let arn = format!("arn:aws:sts::123456789012:assumed-role/invoices/{name}");
    assert_eq!(credential.principal(), Some(arn.as_str()));
    let session = sessions.last().unwrap();
    assert_eq!(session.arn, arn);
    assert_eq!(
        session.assumed_role_id,
        format!("AROAFAKE0000000000000:{name}")
    );
    assert_eq!(session.source_identity.as_deref(), Some(name.as_str()));
    assert_eq!(session.packed_policy_percent, Some(10));
}

#[tokio::test]
async fn each_setting_changes_the_request_and_nothing_else_does() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-set-");
    let sts = FaultServer::start(Sts::new("role-set-sts-"));
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let plain = || role(&sts, keys.clone());
    let asked = async |builder: AssumeRoleBuilder| -> Received {
        let cache = agent.cache(builder.build().unwrap()).build().unwrap();
        cache.get().await.unwrap();
        sts.requests().pop().unwrap()
    };

    let before = form(&asked(plain()).await);
    let boundary = Boundary::builder()
        .allow(Grant::of(["s3:GetObject"]).on(["arn:aws:s3:::invoices/*"]))
        .build()
        .unwrap();
    for (builder, expected) in [
        (
            plain().boundary(&boundary),
            vec![pair("Policy", boundary.as_str())],
        ),
        (
            plain().external_id("ext:1/2"),
            vec![pair("ExternalId", "ext:1/2")],
        ),
        (
            plain().duration(Duration::from_secs(7200)).not_chained(),
            vec![pair("DurationSeconds", "7200")],
        ),
        (
            plain().raw_duration_seconds(3),
            vec![pair("DurationSeconds", "3")],
        ),
        (plain().policy(policy), vec![pair("Policy", policy)]),
        (
            plain().policy_arn(arn),
            vec![pair("PolicyArns.member.1.arn", arn)],
        ),
        (
            plain().tag("data class", "internal"),
            vec![
                pair("Tags.member.6.Key", "data class"),
                pair("Tags.member.6.Value", "internal"),
            ],
        ),
        (
            plain().transitive_tag("a", "b"),
            vec![
                pair("Tags.member.6.Key", "a"),
                pair("Tags.member.6.Value", "b"),
                pair("TransitiveTagKeys.member.6", "a"),
            ],
        ),
    ] {
        let mut wanted = before.clone();
        wanted.extend(expected);
        wanted.sort();
        assert_eq!(form(&asked(builder).await), wanted);
    }
    let without = async |builder: AssumeRoleBuilder, gone: &str| {
        let asked = asked(builder).await;
        let text = format!("{:?}", form(&asked));
        assert!(!text.contains(gone), "{text}");
        asked
    };
    let one = without(
        plain().without_identity_tag(IdentityTag::Version),
        "agent-version",
    )
    .await;
    assert_eq!(
        field(&one, "Tags.member.4.Key").as_deref(),
        Some("agent-instance")
    );
    without(plain().without_identity_tags(), "Tag").await;
    without(
        plain().without_transitive_identity_tags(),
        "TransitiveTagKeys",
    )
    .await;
    without(plain().identity_tags_inherited(), "Tag").await;
    without(plain().without_source_identity(), "SourceIdentity").await;
    let elsewhere = asked(plain().region("us-gov-west-1")).await;
    assert!(
        elsewhere
            .header("authorization")
            .unwrap()
            .contains("/us-gov-west-1/sts/")
    );
}

#[tokio::test]
async fn roles_chain_under_one_name_for_an_hour_at_most_and_tags_are_sent_once() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-chain-");
    let sts = FaultServer::start(Sts::new("role-chain-sts-"));
    let long = Duration::from_secs(4 * 3600);
    let first = role(&sts, keys).duration(long).build().unwrap();
    let first = agent.cache(first).build().unwrap();
    let second = role(&sts, first.clone()).duration(long).build().unwrap();
    let second = agent.cache(second).build().unwrap();
    let third = agent
        .cache(role(&sts, second).build().unwrap())
        .build()
        .unwrap();

    third.get().await.unwrap();

    let requests = sts.requests();
    assert_eq!(requests.len(), 3);
    let received =
        |name: &str| -> Vec<_> { requests.iter().map(|asked| field(asked, name)).collect() };
    let name = session_name(agent.identity(), agent.instance());
    assert_eq!(received("RoleSessionName"), vec![Some(name.clone()); 3]);
    assert_eq!(received("SourceIdentity"), vec![Some(name); 3]);
    // The role of a task is assumed by the platform: what is got with it is a chain already.
    let hours = |seconds: &str| Some(seconds.to_owned());
    assert_eq!(
        received("DurationSeconds"),
        [hours("3600"), hours("3600"), None]
    );
    assert_eq!(
        received("Tags.member.1.Key"),
        [Some("agent-type".to_owned()), None, None]
    );
    // A change of what was found out is possible by name.
    let set = role(&sts, first)
        .duration(long)
        .not_chained()
        .identity_tags_not_inherited();
    let error = agent
        .cache(set.build().unwrap())
        .build()
        .unwrap()
        .get()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    let last = sts.requests().pop().unwrap();
    assert_eq!(field(&last, "DurationSeconds"), hours("14400"));
    assert_eq!(
        field(&last, "Tags.member.1.Key").as_deref(),
        Some("agent-type")
    );
}

#[tokio::test]
async fn a_forced_refresh_signs_with_keys_that_the_base_was_asked_for_anew() {
    let agent = agent();
    let (keys, platform) = base(&agent, "role-forced-");
    let sts = FaultServer::start(Sts::new("role-forced-sts-"));
    let cache = agent
        .cache(role(&sts, keys).build().unwrap())
        .build()
        .unwrap();
    cache.get().await.unwrap();

    cache.refresh_now().await.unwrap();

    assert_eq!(platform.count(), 2);
    let tokens: Vec<_> = sts
        .requests()
        .iter()
        .map(|asked| asked.header("x-amz-security-token").unwrap().to_owned())
        .collect();
    assert_eq!(tokens, ["role-forced-session-1", "role-forced-session-2"]);
}

#[tokio::test]
async fn two_agents_of_one_type_are_told_apart_by_what_sts_receives() {
    let sts = FaultServer::start(Sts::new("role-two-sts-"));
    let agents: Vec<_> = (0..2)
        .map(|_| Agent::builder(identity("reader")).build().unwrap())
        .collect();
    for agent in &agents {
        let (keys, _platform) = base(agent, "role-two-");
        let provider = role(&sts, keys).build().unwrap();
        agent.cache(provider).build().unwrap().get().await.unwrap();
    }

    let requests = sts.requests();
    for name in ["RoleSessionName", "SourceIdentity", "Tags.member.5.Value"] {
        let (first, second) = (
            field(&requests[0], name).unwrap(),
            field(&requests[1], name).unwrap(),
        );
        assert_ne!(first, second, "{name}");
        for (value, agent) in [(first, &agents[0]), (second, &agents[1])] {
            assert!(
                value.ends_with(&agent.instance().to_string()),
                "{name}: {value}"
            );
        }
    }
    assert_eq!(
        field(&requests[0], "Tags.member.1.Value"),
        field(&requests[1], "Tags.member.1.Value")
    );
}

#[tokio::test]
async fn a_denial_names_the_first_suspects_and_the_statement_to_add() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-denied-");
    let sts = FaultServer::start(Sts::new("role-denied-sts-"));
    let first = agent
        .cache(role(&sts, keys.clone()).build().unwrap())
        .build()
        .unwrap();
    first.get().await.unwrap();
    sts.set(Fault::answer(
        "denied",
        refusal(403, "AccessDenied"),
        Outcome::Either,
    ));
    let denied = async |builder: AssumeRoleBuilder| {
        let cache = agent.cache(builder.build().unwrap()).build().unwrap();
        let error = cache.get().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(!chain(&error).contains(sts.body_canary()), "{error}");
        error.to_string()
    };

    // The base's own tags go on, so only the source identity is a suspect here; and its role is known.
    let text = denied(role(&sts, first)).await;
    let statement = r#"{"Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/invoices"}}"#;
    assert!(
        text.contains("first of all whether both allow sts:SetSourceIdentity;"),
        "{text}"
    );
    assert!(text.contains(statement), "{text}");

    let text = denied(role(&sts, keys.clone())).await;
    assert!(
        text.contains("whether both allow sts:SetSourceIdentity and sts:TagSession;"),
        "{text}"
    );
    assert!(
        text.contains(r#"["sts:AssumeRole","sts:SetSourceIdentity","sts:TagSession"]"#),
        "{text}"
    );
    assert!(text.contains(ROLE), "{text}");

    let text = denied(
        role(&sts, keys)
            .without_source_identity()
            .without_identity_tags(),
    )
    .await;
    assert!(
        !text.contains("Suspect") && !text.contains("TagSession"),
        "{text}"
    );
    assert!(text.contains(r#""Action":["sts:AssumeRole"]"#), "{text}");
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_when_it_is_built() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-wrong-");
    let sts = FaultServer::start(Sts::new("role-wrong-sts-"));
    let plain = || role(&sts, keys.clone());
    let many = |count: usize| {
        (0..count).fold(plain(), |builder, index| {
            builder.tag(format!("k{index}"), "v")
        })
    };
    for (builder, says) in [
        (
            AssumeRole::builder("arn:aws:iam::12345678901:role/invoices", keys.clone()),
            "12 digits",
        ),
        (
            AssumeRole::builder("arn:aws:iam:123456789012:role/invoices", keys.clone()),
            "role ARN",
        ),
        (plain().duration(Duration::from_secs(899)), "900 s"),
        (plain().duration(Duration::from_secs(43_201)), "43200 s"),
        (plain().policy("{"), "no JSON object"),
        (plain().policy("[]"), "no JSON object"),
        (
            plain().policy(format!("{{\"a\":\"{}\"}}", "x".repeat(2048))),
            "2048",
        ),
        (
            plain().policy_arn("ReadOnlyAccess"),
            "managed session policy",
        ),
        (
            (0..11).fold(plain(), |builder, _| {
                builder.policy_arn("arn:aws:iam::aws:policy/A")
            }),
            "takes 10",
        ),
        (plain().external_id("x"), "external id"),
        (plain().external_id("a b"), "external id"),
        (plain().tag("aws:x", "v"), "does not begin with aws:"),
        (plain().tag("", "v"), "key of a session tag"),
        (plain().tag("a{b", "v"), "key of a session tag"),
        (plain().tag("k", "v".repeat(257)), "value of a session tag"),
        (plain().tag("Agent-Type", "v"), "there twice"),
        (
            plain().tag("k", "v").transitive_tag("K", "w"),
            "there twice",
        ),
        (many(46), "takes 50"),
        (plain().region("eu west"), "region"),
        (plain().endpoint_url("http://sts.example"), "https"),
        (plain().danger_allow_endpoint("https://a.example/x"), "path"),
        (
            plain().chained().duration(Duration::from_secs(3601)),
            "an hour at the most",
        ),
        (plain().label_tag("a{b"), "key of a session tag"),
        (plain().label_tag("k").tag("K", "v"), "there twice"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(many(45).build().is_ok());
    assert!(
        plain()
            .without_identity_tag(IdentityTag::Type)
            .tag("agent-type", "v")
            .build()
            .is_ok()
    );
    assert_eq!(sts.connections(), 0);
}

#[tokio::test]
async fn the_issuers_clock_is_learned_and_dates_the_signature() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-clock-");
    let sts = FaultServer::start(Sts::new("role-clock-sts-"));
    sts.time_from(|| {
        keytide_core::Clock::wall(&keytide_core::SystemClock::default()) + Duration::from_secs(7200)
    });
    let cache = agent
        .cache(role(&sts, keys).build().unwrap())
        .build()
        .unwrap();
    sts.then(Fault::status(503));
    cache.get().await.unwrap_err();

    tokio::time::timeout(Duration::from_secs(5), async {
        while cache.get().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap_or_default();

    assert!(
        (cache.status().issuer_clock_skew - 7200.0).abs() < 5.0,
        "{}",
        cache.status().issuer_clock_skew
    );
    let hours: Vec<_> = sts
        .requests()
        .iter()
        .map(|asked| asked.header("x-amz-date").unwrap()[..11].to_owned())
        .collect();
    assert!(hours.len() >= 2 && hours[0] < hours[1], "{hours:?}");
}

#[tokio::test]
async fn no_region_is_an_error_that_names_the_variable() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-region-");
    let provider = AssumeRole::builder(ROLE, keys).env(Env::of::<String, String>([]));

    let error = agent
        .cache(provider.build().unwrap())
        .build()
        .unwrap()
        .get()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("AWS_REGION"), "{error}");
}

#[tokio::test]
async fn the_endpoints_of_a_region_are_chosen_by_variables() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "role-fips-");
    let sts = FaultServer::start(Sts::new("role-fips-sts-"));
    for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
        // The SDK takes neither together with an endpoint of one's own: so the variable was heard.
        let builder = role(&sts, keys.clone()).env(Env::of([(name, "true")]));
        let error = agent
            .cache(builder.build().unwrap())
            .build()
            .unwrap()
            .get()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{name}: {error}");
    }
    assert_eq!(sts.connections(), 0);
}

#[tokio::test]
async fn a_base_whose_keys_are_blamed_is_asked_for_others() {
    for (status, code, asks) in [
        (403, "ExpiredToken", true),
        (403, "InvalidClientTokenId", true),
        (403, "AccessDenied", false),
        (403, "SignatureDoesNotMatch", false),
        (503, "ServiceUnavailable", false),
        (503, "ExpiredToken", false),
        (429, "InvalidClientTokenId", false),
    ] {
        let agent = agent();
        let (keys, platform) = base(&agent, "role-blamed-");
        let sts = FaultServer::start(Sts::new("role-blamed-sts-"));
        sts.then(Fault::answer("no", refusal(status, code), Outcome::Either));
        let cache = agent
            .cache(role(&sts, keys.clone()).build().unwrap())
            .build()
            .unwrap();

        cache.get().await.unwrap_err();
        let asked_again = async {
            while platform.count() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let asked = tokio::time::timeout(
            Duration::from_millis(if asks { 5000 } else { 300 }),
            asked_again,
        )
        .await;

        assert_eq!(asked.is_ok(), asks, "{status} {code}");
        if asks {
            while keys.status().generation < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cache.refresh_now().await.unwrap();
            let last = sts.requests().pop().unwrap();
            let token = last.header("x-amz-security-token").unwrap();
            assert_ne!(token, "role-blamed-session-1", "{code}");
        }
    }
}
