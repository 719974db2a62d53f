use keytide_core::ErrorKind;

use super::*;

fn search(variables: &[(&str, &str)]) -> PlatformSearch {
    PlatformSearch {
        env: Env::of(variables.iter().copied()),
        hosts: Hosts::default(),
        imds: None,
        machine: Machine {
            imds: "http://127.0.0.1:1".to_owned(),
            arc: "/nowhere/azcmagent/bin/himds".into(),
        },
    }
}

#[tokio::test]
async fn a_platform_that_is_named_by_halves_is_told_by_both() {
    const ENDPOINT: (&str, &str) = ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/x");
    const HEADER: (&str, &str) = ("IDENTITY_HEADER", "canary");
    for (variables, set, missing) in [
        (&[ENDPOINT][..], "IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
        (
            &[ENDPOINT, ("IDENTITY_HEADER", "")],
            "IDENTITY_ENDPOINT",
            "IMDS_ENDPOINT",
        ),
        (&[HEADER], "IDENTITY_HEADER", "IDENTITY_ENDPOINT"),
        (
            &[HEADER, ("IMDS_ENDPOINT", "x")],
            "IDENTITY_HEADER",
            "IDENTITY_ENDPOINT",
        ),
        (
            &[("IMDS_ENDPOINT", "x")],
            "IMDS_ENDPOINT",
            "IDENTITY_ENDPOINT",
        ),
        (
            &[("IMDS_ENDPOINT", "x"), ("IDENTITY_ENDPOINT", "")],
            "IMDS_ENDPOINT",
            "IDENTITY_ENDPOINT",
        ),
        (&[("MSI_SECRET", "canary")], "MSI_SECRET", "MSI_ENDPOINT"),
        (
            &[("IDENTITY_SERVER_THUMBPRINT", "00")],
            "IDENTITY_SERVER_THUMBPRINT",
            "Service Fabric",
        ),
    ] {
        let error = search(variables).find().await.err();

        let error = error.unwrap_or_else(|| panic!("{variables:?} was passed over"));
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        for named in [set, missing] {
            assert!(error.to_string().contains(named), "{variables:?}: {error}");
        }
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn empty_variables_name_no_platform() {
    let all = [
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IDENTITY_SERVER_THUMBPRINT",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
        "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    ];
    let found = search(&all.map(|name| (name, ""))).find().await;

    assert!(matches!(found, Ok(Platform::Imds { named: false, .. })));
}

#[tokio::test]
async fn the_platform_is_looked_up_anew_each_time() {
    let root = tempfile::tempdir().unwrap();
    let mut search = search(&[]);
    search.machine.arc = root.path().join("himds");

    let before = search.find().await;
    std::fs::write(&search.machine.arc, "").unwrap();
    let after = search.find().await;

    assert!(matches!(before, Ok(Platform::Imds { .. })));
    assert!(matches!(after, Ok(Platform::Arc(_))));
}
