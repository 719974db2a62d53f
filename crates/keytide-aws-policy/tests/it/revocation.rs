//! Whom the policy denies, by an evaluator of its own.

use std::time::{Duration, SystemTime};

use keytide_aws_policy::{SessionRevocation, SessionRevocationBuilder, lint_policy};

use crate::evaluator::{Call, Decision, Policy};

const ROLE: &str = "arn:aws:iam::123456789012:role/agents/invoices";
const ROLE_ID: &str = "AROAEXAMPLEEXAMPLE01";

/// A request of a session, and whether it is denied by a document that stands beside one that allows everything.
fn denied(revocation: &SessionRevocation, marks: &[(&str, &str)]) -> bool {
    let policy = Policy::parse(revocation.document());
    let calls = [
        Call::new("s3:GetObject", "arn:aws:s3:::b/k"),
        Call::new("iam:PassRole", ROLE),
        Call::new("sts:AssumeRole", ROLE),
    ];
    let denied: Vec<bool> = calls
        .into_iter()
        .map(|call| {
            let call = marks
                .iter()
                .fold(call, |call, (key, value)| call.with(key, value));
            policy.evaluate(&call) == Decision::Explicit
        })
        .collect();
    assert!(
        denied.iter().all(|one| *one == denied[0]),
        "all calls or none"
    );
    denied[0]
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn refused(builder: SessionRevocationBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn the_session_name_ends_this_instance_and_no_other_of_the_role() {
    for with_id in [false, true] {
        let builder = SessionRevocation::builder(ROLE).session_name("reader-5f0c");
        let builder = if with_id {
            builder.role_id(ROLE_ID)
        } else {
            builder
        };
        let revocation = builder.build().unwrap();
        let user = |name: &str| format!("{ROLE_ID}:{name}");

        assert!(denied(&revocation, &[("aws:userid", &user("reader-5f0c"))]));
        for other in [
            "reader-5f0",
            "reader-5f0c1",
            "a-reader-5f0c",
            "reader-5F0C",
            "reader",
            "*",
            "",
        ] {
            assert!(
                !denied(&revocation, &[("aws:userid", &user(other))]),
                "{other}"
            );
        }
        assert!(!denied(&revocation, &[]), "a request without the key");
        let of_another_role = [("aws:userid", "AROAEXAMPLEEXAMPLE02:reader-5f0c")];
        assert_eq!(denied(&revocation, &of_another_role), !with_id);
    }
}

#[cfg(feature = "agent")]
#[test]
fn two_agents_of_one_type_are_told_apart_by_what_assume_role_sends() {
    use keytide_aws_policy::session_name;
    use keytide_core::{Agent, AgentIdentity};

    let agent = || {
        let identity = AgentIdentity {
            agent_type: "reader".into(),
            version: "1".into(),
            environment: "prod".into(),
            owner: "o".into(),
        };
        Agent::builder(identity).build().unwrap()
    };
    let (ended, other) = (agent(), agent());
    let builder = SessionRevocation::builder(ROLE).agent(ended.identity(), ended.instance());
    let revocation = builder.build().unwrap();
    // Each mark alone, for the others may have been turned off.
    let marks = |agent: &Agent| {
        let name = session_name(agent.identity(), agent.instance());
        [
            ("aws:userid", format!("{ROLE_ID}:{name}")),
            ("aws:SourceIdentity", name),
            (
                "aws:PrincipalTag/agent-instance",
                agent.instance().to_string(),
            ),
        ]
    };

    for (key, value) in marks(&ended) {
        assert!(denied(&revocation, &[(key, &value)]), "{key}");
    }
    for (key, value) in marks(&other) {
        assert!(!denied(&revocation, &[(key, &value)]), "{key}");
    }
    assert!(!denied(
        &revocation,
        &[("aws:PrincipalTag/agent-type", "reader")]
    ));
}

#[test]
fn a_session_is_named_by_the_id_that_sts_gave() {
    let session = format!("{ROLE_ID}:reader-5f0c");
    let revocation = SessionRevocation::builder(ROLE)
        .assumed_role_id(&session)
        .build()
        .unwrap();

    assert!(denied(&revocation, &[("aws:userid", &session)]));
    assert!(!denied(
        &revocation,
        &[("aws:userid", "AROAEXAMPLEEXAMPLE01:reader-77aa")]
    ));
}

#[test]
fn tag_and_source_identity_follow_into_the_sessions_of_other_roles() {
    let revocation = SessionRevocation::builder(ROLE)
        .session_name("reader-5f0c")
        .instance_tag("instance", "5f0c")
        .source_identity("reader@5f0c")
        .build()
        .unwrap();
    let chained = |tag, identity| {
        [
            ("aws:userid", "AROACHAINED0CHAINED0:other-name"),
            ("aws:PrincipalTag/instance", tag),
            ("aws:SourceIdentity", identity),
        ]
    };

    assert!(denied(&revocation, &chained("5f0c", "someone")));
    assert!(denied(&revocation, &chained("77aa", "reader@5f0c")));
    assert!(!denied(&revocation, &chained("77aa", "reader@77aa")));
    assert!(!denied(
        &revocation,
        &[("aws:PrincipalTag/instance", "77aa")]
    ));
    assert!(!denied(&revocation, &[("aws:PrincipalTag/other", "5f0c")]));
    assert!(
        !denied(&revocation, &[("aws:RequestTag/instance", "5f0c")]),
        "a tag of the request is the caller's choice"
    );
}

#[test]
fn sessions_that_are_issued_later_may_be_spared() {
    let revocation = SessionRevocation::builder(ROLE)
        .session_name("reader-5f0c")
        .instance_tag("instance", "5f0c")
        .issued_before(at(1_440_938_160) + Duration::from_millis(300))
        .build()
        .unwrap();
    let issued = |time| {
        [
            ("aws:userid", "AROAEXAMPLEEXAMPLE01:reader-5f0c"),
            ("aws:PrincipalTag/instance", "5f0c"),
            ("aws:TokenIssueTime", time),
        ]
    };

    assert!(denied(&revocation, &issued("2015-08-30T12:00:00Z")));
    assert!(
        denied(&revocation, &issued("2015-08-30T12:36:00Z")),
        "the same second"
    );
    assert!(!denied(&revocation, &issued("2015-08-30T12:36:01Z")));
    assert!(!denied(
        &revocation,
        &[
            ("aws:userid", "AROAEXAMPLEEXAMPLE01:reader-77aa"),
            ("aws:TokenIssueTime", "2015-08-30T12:00:00Z")
        ]
    ));
}

#[test]
fn the_whole_role_is_ended_only_by_a_method_that_says_so() {
    let revocation = SessionRevocation::builder(ROLE)
        .whole_role_before(at(1_440_938_160))
        .build()
        .unwrap();

    assert!(denied(
        &revocation,
        &[
            ("aws:userid", "AROAEXAMPLEEXAMPLE01:any"),
            ("aws:TokenIssueTime", "2015-08-30T12:36:00Z")
        ]
    ));
    assert!(!denied(
        &revocation,
        &[("aws:TokenIssueTime", "2015-08-30T12:36:01Z")]
    ));
    assert!(!denied(&revocation, &[]), "a request without a session");
    assert!(refused(SessionRevocation::builder(ROLE)).contains("every session"));
    assert!(
        refused(SessionRevocation::builder(ROLE).issued_before(at(0))).contains("every session")
    );
    let both = SessionRevocation::builder(ROLE)
        .session_name("ab")
        .whole_role_before(at(0));
    assert!(refused(both).contains("decide"));
}

#[test]
fn the_commands_name_role_and_policy() {
    let revocation = SessionRevocation::builder(ROLE)
        .session_name("reader@prod-5f0c")
        .build()
        .unwrap();

    assert_eq!(revocation.role_name(), "invoices");
    assert_eq!(
        revocation.put_command(),
        "aws iam put-role-policy --role-name invoices --policy-name keytide-revoke-reader-prod-5f0c \
         --policy-document file://keytide-revoke-reader-prod-5f0c.json"
    );
    assert_eq!(
        revocation.delete_command(),
        "aws iam delete-role-policy --role-name invoices --policy-name keytide-revoke-reader-prod-5f0c"
    );
}

#[test]
fn the_document_is_as_it_is_documented_and_without_fault() {
    let revocation = SessionRevocation::builder(ROLE)
        .role_id(ROLE_ID)
        .session_name("reader-5f0c")
        .build()
        .unwrap();

    assert_eq!(
        revocation.document(),
        r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {
        "StringEquals": {"aws:userid": "AROAEXAMPLEEXAMPLE01:reader-5f0c"}
      }
    }
  ]
}
"#
    );
    let findings = lint_policy(revocation.document());
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code()).collect();
    assert_eq!(
        codes,
        ["allows-nothing"],
        "as a session policy it would, on a role it need not"
    );
}

#[test]
fn marks_that_aws_does_not_take_are_refused() {
    let builder = || SessionRevocation::builder(ROLE);
    for (builder, part) in [
        (
            SessionRevocation::builder("invoices").session_name("ab"),
            "role",
        ),
        (
            SessionRevocation::builder("arn:aws:iam::123456789012:user/u").session_name("ab"),
            "role",
        ),
        (
            SessionRevocation::builder("arn:aws:iam::123456789012:role/a;b").session_name("ab"),
            "role",
        ),
        (
            SessionRevocation::builder("arn:aws:sts::123456789012:assumed-role/r/s")
                .session_name("ab"),
            "role",
        ),
        (builder().session_name("a"), "session name"),
        (builder().session_name("a*"), "session name"),
        (builder().session_name("a:b"), "session name"),
        (builder().session_name("${aws:userid}"), "session name"),
        (builder().session_name("x".repeat(65)), "session name"),
        (builder().source_identity("a b"), "source identity"),
        (builder().instance_tag("", "v"), "key"),
        (builder().instance_tag("k", ""), "value"),
        (builder().instance_tag("k", "*"), "value"),
        (builder().instance_tag("k", "a\"b"), "value"),
        (
            builder().session_name("ab").role_id("AIDAEXAMPLEEXAMPLE01"),
            "AROA",
        ),
        (builder().session_name("ab").role_id("AROA*"), "AROA"),
        (builder().role_id(ROLE_ID), "session name"),
        (
            builder()
                .session_name("ab")
                .issued_before(SystemTime::UNIX_EPOCH - Duration::from_secs(9)),
            "1970",
        ),
    ] {
        let error = refused(builder);
        assert!(error.contains(part), "{part}: {error}");
    }
}
