//! The corpora: `tests/data/bad.json` and `good.json`.

use keytide_aws_policy::lint_policy;
use serde_json::Value;

use crate::escalations;

fn corpus(json: &str) -> Vec<(String, String, Value)> {
    let all: Vec<Value> = serde_json::from_str(json).unwrap();
    let all = all.into_iter().map(|entry| {
        let text = entry["text"].as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| entry["policy"].to_string());
        (entry["name"].as_str().unwrap().to_owned(), text, entry)
    });
    all.collect()
}

#[test]
fn finds_the_fault_of_each_bad_policy_where_it_is() {
    let bad = corpus(include_str!("../data/bad.json"));
    assert!(bad.len() >= 60);
    let mut missed = Vec::new();
    for (name, policy, expected) in bad {
        let findings = lint_policy(&policy);
        let code = expected["code"].as_str().unwrap();
        let statement = expected["statement"]
            .as_u64()
            .map(|index| usize::try_from(index).unwrap());
        let found = findings
            .iter()
            .any(|finding| finding.code() == code && finding.statement() == statement);
        if !found {
            missed.push(format!("{name}: {code} {statement:?}: {findings:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn finds_nothing_in_a_good_policy() {
    let good = corpus(include_str!("../data/good.json"));
    assert!(good.len() >= 20);
    let mut blamed = Vec::new();
    for (name, policy, _) in good {
        let findings = lint_policy(&policy);
        if !findings.is_empty() {
            blamed.push(format!("{name}: {findings:?}"));
        }
    }
    assert!(blamed.is_empty(), "{}", blamed.join("\n"));
}

#[test]
fn every_method_of_escalation_is_found_where_a_hand_written_policy_allows_it() {
    for method in escalations::methods() {
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": method.actions, "Resource": "*"},
        });
        let findings = lint_policy(&policy.to_string());
        let grave = [
            "escalation",
            "lends-a-role",
            "pass-role-anything",
            "assume-role-anything",
        ];
        assert!(
            findings
                .iter()
                .any(|finding| grave.contains(&finding.code())),
            "{}: {findings:?}",
            method.id
        );
    }
}

#[test]
fn a_finding_says_what_to_do_and_where() {
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    let findings = lint_policy(policy);
    assert_eq!(
        findings[0].to_string(),
        "statement 0: it allows every action: name them (any-action)"
    );
}

#[test]
fn any_text_is_judged_without_a_panic() {
    for text in [
        "",
        "null",
        "[]",
        "{",
        "\u{0}",
        "{\"Statement\":null}",
        "{\"Statement\":[null,1,\"x\",[]]}",
        "{\"Statement\":[{\"Effect\":1,\"Action\":[1,{}],\"Resource\":{},\"Condition\":[1]}]}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":[\":\",\"é:é\",\"s3:é*\",\"*:\",\"?\"],\"Resource\":[\"\",\":\",\"arn:::::é\"],\"Condition\":{\"é\":{\"é\":\"é\"},\"Bool\":{\"aws:é\":[]}}}}",
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::b/*\",\"Condition\":{\"StringEquals\":{\"aws:userid\":\"${aws:userid\"}}}}",
    ] {
        let findings = lint_policy(text);
        assert!(!findings.is_empty(), "{text}");
        for finding in findings {
            assert!(!finding.to_string().contains('\u{0}'));
        }
    }
}
