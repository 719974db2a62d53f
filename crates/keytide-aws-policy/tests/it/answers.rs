//! Operations that answer with secrets: `tests/data/secret-answers.txt`, which `scripts/aws-secret-answers` derives.

use std::collections::BTreeMap;

use keytide_aws_policy::{Boundary, Grant, lint_policy};

/// Each line without its first word.
fn lines(text: &'static str) -> BTreeMap<&'static str, &'static str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            line.split_once(' ')
                .expect("an action and what is said of it")
        })
        .collect()
}

fn answers() -> BTreeMap<&'static str, &'static str> {
    lines(include_str!("../data/secret-answers.txt"))
}

fn without_authority() -> BTreeMap<&'static str, &'static str> {
    lines(include_str!("../data/no-authority.txt"))
}

fn is_refused_by_a_boundary(action: &str) -> bool {
    let grant = Grant::of([action]).any_resource();
    Boundary::builder().allow(grant).build().is_err()
}

fn is_found_by_the_lint(action: &str) -> bool {
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"},
    });
    let grave = ["escalation", "lends-a-role", "assume-role-anything"];
    let findings = lint_policy(&policy.to_string());
    findings
        .iter()
        .any(|finding| grave.contains(&finding.code()))
}

#[test]
fn every_operation_that_answers_with_a_secret_is_known() {
    let (answers, without) = (answers(), without_authority());
    assert!(answers.len() > 100, "the list is whole");
    let mut missing = Vec::new();
    for (action, members) in &answers {
        if without.contains_key(action) {
            continue;
        }
        if !is_refused_by_a_boundary(action) || !is_found_by_the_lint(action) {
            missing.push(format!("{action} ({members})"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn what_has_a_reason_to_be_allowed_is_in_the_list_and_is_not_guarded() {
    let answers = answers();
    for (action, reason) in without_authority() {
        assert!(
            answers.contains_key(action),
            "{action} is in no model any more"
        );
        assert!(reason.len() > 20, "{action}: {reason}");
        assert!(!is_refused_by_a_boundary(action), "{action} is guarded");
    }
}

#[test]
fn names_of_the_sdks_are_no_prefixes_of_policies() {
    for (wrong, right) in [
        ("sso-admin:CreatePermissionSet", "sso"),
        ("sso-oidc:CreateTokenWithIAM", "sso-oauth"),
        ("awsssoportal:GetRoleCredentials", "sso"),
        ("identity-store:CreateUser", "identitystore"),
        ("mwaa:CreateCliToken", "airflow"),
        ("s3control:GetDataAccess", "s3"),
    ] {
        let grant = Grant::of([wrong]).any_resource();
        let error = Boundary::builder().allow(grant).build().unwrap_err();
        assert!(
            error.to_string().ends_with(&format!("it is {right}")),
            "{error}"
        );
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": wrong, "Resource": "*"},
        });
        let findings = lint_policy(&policy.to_string());
        assert!(
            findings
                .iter()
                .any(|finding| finding.code() == "bad-action"),
            "{wrong}"
        );
    }
}
