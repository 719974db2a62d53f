//! Shared configuration files as people write them.

use keytide_aws::bridge::SdkCredentials;
use keytide_core::ErrorKind;

use aws_credential_types::provider::ProvideCredentials;

use crate::machine::Machine;
use crate::support::{ROLE, agent, chain, client};

fn role() -> String {
    format!("role_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n")
}

#[tokio::test]
async fn what_botocore_reads_is_read() {
    let role = role();
    let indented = format!("  {}", role.replace('\n', "\n  "));
    for (profile, text) in [
        ("", format!("[default] # the role of this machine\n{role}")),
        ("", format!("[default] text\n{role}")),
        ("", format!("[default]\n{indented}")),
        ("", format!("  [default]\n{role}")),
        ("", format!("[default]\n{}", role.replace(" = ", ": "))),
        (
            "",
            format!(
                "[default]\n{}",
                role.to_uppercase()
                    .replace(&ROLE.to_uppercase(), ROLE)
                    .replace("EC2INSTANCEMETADATA", "Ec2InstanceMetadata")
            ),
        ),
        (
            "",
            format!("\u{feff}[default]\r\n{}", role.replace('\n', "\r\n")),
        ),
        ("my role", format!("[profile \"my role\"]\n{role}")),
        ("my role", format!("[profile 'my role']   # more\n{role}")),
        (
            "default",
            format!("[profile default]\n{role}[default]\nrole_arn = x\n"),
        ),
        // What stands elsewhere concerns nobody.
        (
            "",
            format!("[profile other]\nno property\n= x\n[default]\n{role}"),
        ),
        (
            "",
            format!(
                "[default]\n{role}[profile \"open]\nx\n[profile my other role]\ny = 1\n[profile broken\nz = 2\n"
            ),
        ),
        ("", format!("junk\n[default]\n{role}")),
        (
            "",
            format!("[default]\n{role}s3 =\n  max_concurrent_requests = 20\n  junk\n"),
        ),
    ] {
        let machine = Machine::new("forms-")
            .config(&text)
            .set("AWS_PROFILE", profile);
        assert_eq!(machine.secret().await, "forms-sts-secret-1", "{text}");
    }
}

#[tokio::test]
async fn what_concerns_the_profile_is_named_with_its_file_and_line() {
    let role = role();
    for (text, says) in [
        (format!("[default]\n{role}no property\n"), "line 4 of "),
        (format!("[default\n{role}"), "line 1 of "),
        (format!("\n{role}"), "line 2 of "),
        (
            format!("[default]\nrole_arn = {ROLE}\n  source_profile = p\n"),
            "role_arn of the profile default goes on over several lines, from line 2 of ",
        ),
        (
            "[default]\nrole_arn = arn:x\ncredential_source = Ec2InstanceMetadata\n".to_owned(),
            "role_arn of the profile default, line 2 of ",
        ),
        (
            format!("[default]\n{role}aws_account_id = 1\n"),
            "aws_account_id of the profile default, line 4 of ",
        ),
        (format!("[default]\n{role}services = gone\n"), "\"gone\""),
        (
            format!("[default]\nrole_arn = {ROLE}\nsource_profile = p\n[profile p]\nx\n"),
            "the profile p cannot be read: line 5 of ",
        ),
    ] {
        let machine = Machine::new("named-").config(&text);
        let error = machine.failed().await;
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{text}: {error}");
        let shown = chain(&error);
        assert!(shown.contains(says), "{text}: {shown}");
        assert!(
            shown.contains(&machine.path(".aws/config")),
            "{text}: {shown}"
        );
        assert!(shown.len() < 1024 && !shown.contains('\n'), "{shown}");
        assert_eq!(machine.asked(), 0, "{text}");
    }
}

#[tokio::test]
async fn an_endpoint_of_a_profile_is_heeded_where_it_is_one_of_aws_or_allowed() {
    let role = role();
    for group in [false, true] {
        let with = |url: &str| {
            if group {
                format!(
                    "[default]\n{role}services = local\nendpoint_url = https://unused.example\n[services local]\nsts =\n  endpoint_url = {url}\n"
                )
            } else {
                format!("[default]\n{role}endpoint_url = {url}\n")
            }
        };
        let machine = Machine::new("endpoint-").without("AWS_ENDPOINT_URL_STS");
        let text = with(&machine.sts.origin());
        let machine = machine.config(&text);
        assert_eq!(machine.secret().await, "endpoint-sts-secret-1");

        let refused = Machine::new("endpoint-")
            .without("AWS_ENDPOINT_URL_STS")
            .config(&with("https://sts.evil.example"));
        let error = refused.failed().await;
        let shown = chain(&error);
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{shown}");
        assert!(shown.contains("https://sts.evil.example"), "{shown}");
        assert!(
            shown.contains("endpoint_url of ") && shown.contains(&refused.path(".aws/config")),
            "{shown}"
        );
        assert!(shown.contains("danger_allow_endpoint"), "{shown}");
        // A variable goes before a profile.
        let before = Machine::new("endpoint-").config(&with("https://sts.evil.example"));
        assert_eq!(before.secret().await, "endpoint-sts-secret-1");
    }
}

#[tokio::test]
async fn an_endpoint_of_the_environment_is_one_of_aws_or_allowed() {
    for name in ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
        let machine = Machine::new("evil-")
            .config(&format!("[default]\n{}", role()))
            .without("AWS_ENDPOINT_URL_STS")
            .set(name, "https://sts.evil.example");
        let error = machine.failed().await;
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(
            error.to_string().contains("danger_allow_endpoint"),
            "{error}"
        );
        assert_eq!(machine.sts.count(), 0);
    }
}

#[tokio::test]
async fn the_account_of_keys_is_what_their_place_says_it_is() {
    let json = r#"{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"s","SessionToken":"t","Expiration":"2999-01-01T00:00:00Z"}"#;
    let named = json.replace("{", "{\"AccountId\":\"000000000001\",");
    let keys = "aws_access_key_id = AKIA\naws_secret_access_key = s\n";
    let account = "aws_account_id = 000000000002\n";
    let profile = |text: &str| Machine::new("account-").config(&format!("[default]\n{text}"));
    let process = |json: &str, more: &str| {
        let machine = Machine::new("account-").file("keys.json", json);
        let path = machine.path("keys.json");
        machine.config(&format!(
            "[default]\ncredential_process = cat {path}\n{more}"
        ))
    };
    let variables = || {
        Machine::new("account-")
            .set("AWS_ACCESS_KEY_ID", "AKIA")
            .set("AWS_SECRET_ACCESS_KEY", "s")
    };
    for (what, machine, expected) in [
        (
            "profile",
            profile(&format!("{keys}{account}")),
            Some("000000000002"),
        ),
        ("profile without", profile(keys), None),
        ("process", process(&named, account), Some("000000000001")),
        (
            "process of a profile",
            process(json, account),
            Some("000000000002"),
        ),
        ("process without", process(json, ""), None),
        (
            "variables",
            variables().set("AWS_ACCOUNT_ID", "000000000003"),
            Some("000000000003"),
        ),
        ("variables without", variables(), None),
        ("role", profile(&role()), Some("123456789012")),
    ] {
        let provider = machine
            .provider()
            .client(client())
            .danger_allow_static_keys();
        let cache = agent()
            .cache(provider)
            .danger_allow_static()
            .long_lived(keytide_core::LongLived::Flag)
            .build()
            .unwrap();
        let sdk = SdkCredentials::new(cache).unwrap();
        let credentials = sdk.provide_credentials().await.unwrap();
        assert_eq!(
            credentials.account_id().map(|id| id.as_str()),
            expected,
            "{what}"
        );
    }
    let wrong = variables().set("AWS_ACCOUNT_ID", "12");
    let error = wrong.failed().await;
    assert!(error.to_string().contains("AWS_ACCOUNT_ID"), "{error}");
}
