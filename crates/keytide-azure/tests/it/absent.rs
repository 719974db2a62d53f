//! Platforms that are not there, or are not spoken to.

use keytide_azure::ManagedIdentity;
use keytide_core::ErrorKind;
use keytide_testkit::server::{FaultServer, Received, Reply};

use crate::{CLIENT, VAULT, failed, variables, whole};

#[tokio::test]
async fn platforms_that_are_not_spoken_to_are_named() {
    for (variables_there, named) in [
        (
            &[
                ("IDENTITY_ENDPOINT", "https://localhost:2377/x"),
                ("IDENTITY_HEADER", "canary"),
                ("IDENTITY_SERVER_THUMBPRINT", "00"),
            ][..],
            "Service Fabric",
        ),
        (
            &[
                ("MSI_ENDPOINT", "http://127.0.0.1/x"),
                ("MSI_SECRET", "canary"),
            ][..],
            "Machine Learning",
        ),
        (&[("MSI_ENDPOINT", "http://127.0.0.1/x")][..], "Cloud Shell"),
        (
            &[
                ("IDENTITY_ENDPOINT", "http://token.example.com/x"),
                ("IDENTITY_HEADER", "canary"),
            ][..],
            "IDENTITY_ENDPOINT",
        ),
    ] {
        let provider = ManagedIdentity::builder(VAULT).env(variables(variables_there));

        let error = failed(provider.build().unwrap()).await;

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains(named), "{error}");
        assert!(!whole(&error).contains("canary"));
    }
}

#[tokio::test]
async fn a_machine_that_is_told_to_have_an_identity_has_an_imds_in_trouble_not_none() {
    let gone = FaultServer::start(|_: &Received| Reply::new(200));
    gone.stop();
    let provider = ManagedIdentity::builder(VAULT)
        .client_id(CLIENT)
        .imds_endpoint(gone.origin());

    let error = failed(provider.build().unwrap()).await;

    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
