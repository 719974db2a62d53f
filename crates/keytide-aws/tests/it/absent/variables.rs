//! Variables that are not set, empty, or no text.

use super::*;

/// Each ends the search where it is set to what is no text.
const VARIABLES: [&str; 14] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
];

#[tokio::test]
async fn a_variable_that_is_not_text_ends_the_search() {
    for name in VARIABLES {
        let machine = Machine::new("latin-").set(name, latin());

        let error = machine.failed().await;

        names(&error, ErrorKind::Misconfigured, &[name]);
        assert!(!chain(&error).contains("canary"), "{error}");
        assert_eq!(machine.asked(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_variable_of_one_step_that_is_not_text_ends_that_step() {
    let machine = Machine::new("latin-step-")
        .container()
        .file("token", "a.b.c");
    let token = machine.path("token");
    for name in [
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ] {
        let machine = Machine::new("latin-token-").container().set(name, latin());
        names(&machine.failed().await, ErrorKind::Misconfigured, &[name]);
        assert_eq!(machine.asked(), 0, "{name}");
    }
    let mode = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    let imds = Imds::new().env(Env::of([(mode, latin())]));
    names(
        &ask(imds).await.unwrap_err(),
        ErrorKind::Misconfigured,
        &[mode],
    );

    // A profile's region does not stand in for a variable that cannot be read.
    for (name, without) in [
        ("AWS_REGION", ""),
        ("AWS_DEFAULT_REGION", "AWS_REGION"),
        ("AWS_ENDPOINT_URL_STS", ""),
        ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ""),
        ("AWS_USE_FIPS_ENDPOINT", ""),
        ("AWS_USE_DUALSTACK_ENDPOINT", ""),
    ] {
        let machine = Machine::new("latin-sts-")
            .without(without)
            .config(&format!(
                "[default]\nregion = eu-west-1\nrole_arn = {ROLE}\nweb_identity_token_file = {token}\n"
            ))
            .set(name, latin());
        names(&machine.failed().await, ErrorKind::Misconfigured, &[name]);
        assert_eq!(machine.asked(), 0, "{name}");
    }
}

#[tokio::test]
async fn an_empty_variable_is_one_that_is_not_set() {
    let others = VARIABLES
        .into_iter()
        .filter(|name| !["HOME", "AWS_EC2_METADATA_SERVICE_ENDPOINT"].contains(name));
    let machine = others.fold(Machine::new("empty-"), |machine, name| {
        machine.set(name, "")
    });
    assert_eq!(machine.secret().await, "empty-imds-secret-3");

    // The files of an empty path are those of the home directory, and the profile of no name is the default one.
    let machine = machine.config(&format!(
        "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
    ));
    assert_eq!(machine.secret().await, "empty-sts-secret-1");
}
