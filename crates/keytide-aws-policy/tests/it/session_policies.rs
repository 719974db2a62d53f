//! What STS takes of policies together.

use keytide_aws_policy::{Boundary, Grant, SessionPolicies};

const MANAGED: &str = "arn:aws:iam::123456789012:policy/agents";

fn boundary() -> Boundary {
    let read = Grant::of(["s3:GetObject"]).on(["arn:aws:s3:::b/*"]);
    Boundary::builder().allow(read).build().unwrap()
}

#[test]
fn inline_and_managed_policies_are_counted_together() {
    let room = Boundary::MOST - MANAGED.len();
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2));

    let fits = SessionPolicies::builder().inline(padded(room));
    let above = SessionPolicies::builder().inline(padded(room + 1));

    assert!(fits.managed(MANAGED).build().is_ok());
    let error = above.managed(MANAGED).build().unwrap_err();
    assert!(error.to_string().contains("2049 characters"), "{error}");
}

#[test]
fn the_inline_policy_that_is_set_last_counts() {
    let written = SessionPolicies::builder()
        .boundary(&boundary())
        .inline("{}");
    let built = SessionPolicies::builder()
        .inline("{}")
        .boundary(&boundary());

    assert_eq!(written.build().unwrap().inline(), Some("{}"));
    assert_eq!(built.build().unwrap().inline(), Some(boundary().as_str()));
}

#[cfg(feature = "agent")]
#[test]
fn what_is_refused_is_a_wrong_configuration_of_a_provider() {
    let error = SessionPolicies::builder().inline("[]").build().unwrap_err();
    let text = error.to_string();

    let error = keytide_core::Error::from(error);

    assert_eq!(error.kind(), keytide_core::ErrorKind::Misconfigured);
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_policy_that_says_a_thing_twice_is_refused() {
    for twice in [
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Action":"iam:*","Resource":"*"}]}"#,
        r#"{"Statement":[],"Statement":[]}"#,
    ] {
        let error = SessionPolicies::builder()
            .inline(twice)
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }
}
