//! Configurations, as they come and as an attacker writes them.

use keytide_core::ErrorKind;
use serde_json::{Value, json};

use crate::{ExternalAccount, ExternalAccountConfig};

fn config() -> Value {
    json!({
        "type": "external_account",
        "universe_domain": "googleapis.com",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "token_info_url": "https://sts.googleapis.com/v1/introspect",
        "service_account_impersonation_url":
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken",
        "service_account_impersonation": { "token_lifetime_seconds": 1200 },
        "credential_source": { "file": "/var/run/secrets/token", "format": { "type": "text" } },
    })
}

fn aws() -> Value {
    let mut config = config();
    config["subject_token_type"] = json!("urn:ietf:params:aws:token-type:aws4_request");
    config["credential_source"] = json!({
        "environment_id": "aws1",
        "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
        "url": "http://169.254.169.254/latest/meta-data/iam/security-credentials",
        "imdsv2_session_token_url": "http://169.254.169.254/latest/api/token",
        "regional_cred_verification_url":
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    });
    config
}

fn built(config: &Value) -> Result<ExternalAccount, keytide_core::Error> {
    let config = ExternalAccountConfig::from_json(config.to_string().as_bytes())?;
    ExternalAccount::from_config(config)
        .scopes(["https://www.googleapis.com/auth/devstorage.read_only"])
        .build()
}

fn with(base: &Value, pointer: &str, value: Value) -> Value {
    let mut config = base.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[key] = value;
    config
}

#[test]
fn a_configuration_as_gcloud_writes_it_is_taken() {
    let provider = built(&config()).unwrap();

    let text = format!("{provider:?}");
    assert!(text.contains("/var/run/secrets/token"), "{text}");
    assert!(text.contains("1200s"), "{text}");
    let azure = json!({
        "url": "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://x",
        "headers": { "Metadata": "True" },
        "format": { "type": "json", "subject_token_field_name": "access_token" },
    });
    assert!(built(&with(&config(), "/credential_source", azure)).is_ok());
}

#[test]
fn a_url_that_leads_elsewhere_is_refused_before_anything_is_sent() {
    let evil = "https://evil.example/v1/token";
    let impersonation =
        "https://evil.example/v1/projects/-/serviceAccounts/a@b:generateAccessToken";
    let url = |url: &str| json!({ "url": url });
    for (field, config) in [
        ("token_url", with(&config(), "/token_url", json!(evil))),
        (
            "service_account_impersonation_url",
            with(
                &config(),
                "/service_account_impersonation_url",
                json!(impersonation),
            ),
        ),
        (
            "credential_source.url",
            with(&config(), "/credential_source", url(evil)),
        ),
        (
            "credential_source.url",
            with(
                &config(),
                "/credential_source",
                url("http://169.254.169.254/latest/user-data"),
            ),
        ),
        (
            "credential_source.url",
            with(
                &config(),
                "/credential_source",
                url("http://127.0.0.1:8001/api/v1/secrets"),
            ),
        ),
        (
            "credential_source.url",
            with(&aws(), "/credential_source/url", json!(evil)),
        ),
        (
            "credential_source.region_url",
            with(&aws(), "/credential_source/region_url", json!(evil)),
        ),
        (
            "credential_source.imdsv2_session_token_url",
            with(
                &aws(),
                "/credential_source/imdsv2_session_token_url",
                json!(evil),
            ),
        ),
        (
            "credential_source.regional_cred_verification_url",
            with(
                &aws(),
                "/credential_source/regional_cred_verification_url",
                json!("https://sts.{region}.amazonaws.com.evil.example?Action=GetCallerIdentity"),
            ),
        ),
    ] {
        let error = built(&config).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().starts_with(field), "{field}: {error}");
    }
}

#[test]
fn aws_wants_its_subject_from_a_cache() {
    let error = built(&aws()).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("subject"), "{error}");
    let config = ExternalAccountConfig::from_json(aws().to_string().as_bytes()).unwrap();
    assert!(config.needs_subject());
    assert!(config.audience().starts_with("//iam.googleapis.com/"));
}

#[test]
fn what_is_not_done_is_an_error_that_quotes_nothing() {
    let source = |source: Value| with(&config(), "/credential_source", source);
    for config in [
        source(json!({ "executable": { "command": "/bin/canary" } })),
        source(json!({ "file": "/x", "executable": { "command": "/bin/canary" } })),
        source(json!({ "certificate": { "use_default_certificate_config": true } })),
        source(json!({ "environment_id": "canary1" })),
        source(json!({})),
        source(json!({ "file": "/canary", "url": "https://canary.example" })),
        source(json!({ "file": "/x", "format": { "type": "canary" } })),
        source(json!({ "file": "/x", "format": { "type": "json" } })),
        with(&config(), "/type", json!("service_account")),
        with(&config(), "/audience", json!(7)),
        with(&config(), "/audience", json!("https://canary.example")),
        with(&config(), "/subject_token_type", json!("canary")),
        with(&config(), "/client_secret", json!("canary")),
        with(
            &config(),
            "/service_account_impersonation/token_lifetime_seconds",
            json!(50_000),
        ),
        with(
            &config(),
            "/service_account_impersonation_url",
            json!("https://iamcredentials.googleapis.com/canary"),
        ),
        json!("canary"),
        json!([]),
    ] {
        let error = built(&config).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{config}: {error}");
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
    assert!(ExternalAccountConfig::from_json(b"{\"type\":").is_err());
}

#[test]
fn a_url_of_sts_that_is_not_given_is_that_of_the_universe() {
    let mut config = config();
    let object = config.as_object_mut().unwrap();
    object.remove("token_url");
    object.remove("service_account_impersonation");
    object.remove("service_account_impersonation_url");
    let built = |config: &Value, universe: Option<&str>| {
        let config = ExternalAccountConfig::from_json(config.to_string().as_bytes()).unwrap();
        let builder = ExternalAccount::from_config(config).scopes(["openid"]);
        match universe {
            Some(domain) => builder.universe_domain(domain).build(),
            None => builder.build(),
        }
    };

    let google = format!("{:?}", built(&config, None).unwrap());
    assert!(
        google.contains("https://sts.googleapis.com/v1/token"),
        "{google}"
    );

    config["universe_domain"] = json!("apis.example");
    let error = built(&config, None).unwrap_err();
    assert!(error.to_string().contains("universe_domain"), "{error}");
    let other = format!("{:?}", built(&config, Some("apis.example")).unwrap());
    assert!(
        other.contains("https://sts.apis.example/v1/token"),
        "{other}"
    );
    config["token_url"] = json!("https://sts.googleapis.com/v1/token");
    assert!(built(&config, Some("apis.example")).is_err());
}

#[test]
fn a_setting_that_would_not_be_heeded_is_named() {
    let workforce = "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p";
    let project = with(&config(), "/workforce_pool_user_project", json!("p"));
    let mut life_alone = config();
    let object = life_alone.as_object_mut().unwrap();
    object.remove("service_account_impersonation_url");
    for (field, config) in [
        ("workforce_pool_user_project", project.clone()),
        (
            "workforce_pool_user_project",
            with(
                &project,
                "/audience",
                json!("//iam.googleapis.com/locations/global/workforcePools/"),
            ),
        ),
        ("service_account_impersonation", life_alone),
    ] {
        let error = built(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains(field), "{error}");
    }
    assert!(built(&with(&project, "/audience", json!(workforce))).is_ok());
}
