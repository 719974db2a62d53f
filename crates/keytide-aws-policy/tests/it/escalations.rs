//! The published methods of escalation (`tests/data/escalations.json`), against whatever the builder makes.

use std::sync::LazyLock;

use keytide_aws_policy::{Boundary, Grant};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::evaluator::{Call, Decision, Policy};

#[derive(Debug, Clone)]
pub(super) struct Method {
    pub(super) id: String,
    pub(super) actions: Vec<String>,
}

/// All the methods. Each needs every one of its actions.
pub(super) fn methods() -> &'static [Method] {
    static METHODS: LazyLock<Vec<Method>> = LazyLock::new(|| {
        let json = include_str!("../data/escalations.json");
        let file: Value = serde_json::from_str(json).unwrap();
        let sources = file["sources"].as_object().unwrap();
        let methods = file["methods"].as_array().unwrap().iter().map(|method| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            assert!(sources.contains_key(&text(&method["source"])));
            Method {
                id: text(&method["id"]),
                actions: method["actions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(text)
                    .collect(),
            }
        });
        methods.collect()
    });
    &METHODS
}

/// The actions of the services that hand out authority, as their models have them, and whether each reads.
fn authority() -> &'static [(String, bool)] {
    static ACTIONS: LazyLock<Vec<(String, bool)>> = LazyLock::new(|| {
        let json = include_str!("../data/actions.json");
        let file: Value = serde_json::from_str(json).unwrap();
        let mut actions = Vec::new();
        for (service, names) in file.as_object().unwrap() {
            for name in names
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap())
            {
                let begins = |verbs: &[&str]| verbs.iter().any(|verb| name.starts_with(verb));
                let reads = match service.as_str() {
                    "iam" => begins(&["Get", "List", "Simulate"]),
                    "sts" => [
                        "GetCallerIdentity",
                        "GetAccessKeyInfo",
                        "DecodeAuthorizationMessage",
                    ]
                    .contains(&name),
                    _ => begins(&["Get", "List", "Describe", "Search", "IsMember"]),
                };
                actions.push((format!("{service}:{name}"), reads));
            }
        }
        actions
    });
    &ACTIONS
}

fn escalation(policy: &Policy) -> Option<&'static Method> {
    methods().iter().find(|method| {
        let mut actions = method.actions.iter();
        actions.all(|action| policy.conceivable(action))
    })
}

fn explicitly_denied(policy: &Policy, action: &str) -> bool {
    policy.evaluate(&Call::new(action, "arn:aws:iam::123456789012:role/any")) == Decision::Explicit
}

#[test]
fn there_are_as_many_methods_as_the_lists_have() {
    let methods = methods();
    let of = |source: &str| {
        methods
            .iter()
            .filter(|method| method.id.starts_with(source))
            .count()
    };
    assert_eq!(of("rhino-"), 28);
    assert!(of("pathfinding-") >= 80);
    assert!(methods.len() >= 180);
}

#[test]
fn the_evaluator_finds_an_escalation_where_there_is_one() {
    for method in methods() {
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": method.actions, "Resource": "*"},
        });
        assert!(
            escalation(&Policy::parse(&policy.to_string())).is_some(),
            "{}",
            method.id
        );
    }
}

#[test]
fn an_empty_boundary_denies_every_way_out_and_no_reading_of_iam() {
    let boundary = Boundary::builder().build().unwrap();

    let policy = Policy::parse(boundary.as_str());
    for (action, reads) in authority() {
        let (reads, denied) = (*reads, explicitly_denied(&policy, action));
        if reads && action.starts_with("iam:") {
            assert!(!denied, "{action}");
        } else if !reads {
            assert!(denied, "{action}");
        }
        assert!(!policy.conceivable(action), "{action}");
    }
    assert!(boundary.len() < 300, "{}", boundary.len());
}

#[test]
fn what_reads_can_be_allowed_and_the_rest_stays_denied() {
    for (action, reads) in authority() {
        let grant = || Grant::of([action.as_str()]).any_resource();
        let built = Boundary::builder().allow(grant()).build();
        if !reads {
            assert!(built.is_err(), "{action}");
            continue;
        }
        let policy = Policy::parse(built.unwrap().as_str());
        let call = Call::new(action, "*");
        assert_eq!(policy.evaluate(&call), Decision::Allowed, "{action}");
        for (other, reads) in authority() {
            assert!(
                *reads || explicitly_denied(&policy, other),
                "{action}: {other}"
            );
        }
    }
}

#[test]
fn an_opt_in_allows_one_action_on_one_resource_and_nothing_else() {
    let named = "arn:aws:iam::123456789012:role/named";
    for (action, reads) in authority() {
        if *reads || action == "iam:PassRole" {
            continue;
        }
        let builder = Boundary::builder().danger_allow(Grant::of([action.as_str()]).on([named]));
        let boundary = builder.build().unwrap();
        let policy = Policy::parse(boundary.as_str());
        let decide = |resource| policy.evaluate(&Call::new(action, resource));
        assert_eq!(decide(named), Decision::Allowed, "{action}");
        assert_eq!(decide("x"), Decision::Explicit, "{action}");
        for (other, reads) in authority() {
            let denied = explicitly_denied(&policy, other);
            assert!(
                *reads || denied || other == action,
                "{action}: {other}: {boundary}"
            );
            assert!(
                !(*reads && denied && other.starts_with("iam:")),
                "{action}: {other}"
            );
        }
    }
}

/// Actions as a careless user names them: of any service, with wildcards in any place, in any case.
fn action() -> impl Strategy<Value = String> {
    let known: Vec<String> = methods()
        .iter()
        .flat_map(|method| method.actions.clone())
        .chain(authority().iter().map(|(action, _)| action.clone()))
        .chain(
            [
                "s3:GetObject",
                "s3:ListBucket",
                "dynamodb:Query",
                "lambda:InvokeFunction",
                "ec2:RunInstances",
                "ec2:DescribeInstances",
                "bedrock:InvokeModel",
                "kms:Decrypt",
                "logs:PutLogEvents",
                "ecs:DescribeTasks",
                "ssm:GetParameter",
                "sts:GetCallerIdentity",
                "iam:GetRole",
                "organizations:DescribeAccount",
            ]
            .map(str::to_owned),
        )
        .collect();
    (select(known), 0_usize..24, any::<u8>()).prop_map(|(action, at, how)| {
        let colon = action.find(':').unwrap() + 1;
        let at = (colon + at).min(action.len());
        match how % 8 {
            0 => format!("{}*", &action[..at]),
            1 => format!("{}*", &action[..colon]),
            2 => format!(
                "{}*{}",
                &action[..at],
                &action[(at + 2).min(action.len())..]
            ),
            3 if at < action.len() => format!("{}?{}", &action[..at], &action[at + 1..]),
            4 => format!("{}*{}", &action[..colon], &action[at..]),
            5 => action.to_uppercase(),
            _ => action,
        }
    })
}

fn grant() -> impl Strategy<Value = Grant> {
    wild_or_not().prop_map(|(_, grant)| grant)
}

/// A grant, and whether an action of it has a wildcard.
fn wild_or_not() -> impl Strategy<Value = (bool, Grant)> {
    let resources = prop_oneof![
        Just(None),
        Just(Some("arn:aws:s3:::b/*")),
        Just(Some("arn:aws:iam::*:role/*")),
        Just(Some("arn:aws:lambda:*:123456789012:function:*")),
    ];
    let conditions = proptest::option::of(select(
        &[
            ("StringEquals", "aws:RequestedRegion", "eu-central-1"),
            ("StringNotEquals", "aws:PrincipalTag/x", "y"),
            ("Bool", "aws:ViaAWSService", "true"),
        ][..],
    ));
    (
        proptest::collection::vec(action(), 1..4),
        resources,
        conditions,
    )
        .prop_map(|(actions, resource, condition)| {
            let wild = actions.iter().any(|action| action.contains('*'));
            let grant = Grant::of(actions);
            let grant = match resource {
                Some(resource) => grant.on([resource]),
                None => grant.any_resource(),
            };
            let grant = match condition {
                Some((operator, key, value)) => grant.when(operator, key, [value]),
                None => grant,
            };
            (wild, grant)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_boundary_allows_an_escalation(grants in proptest::collection::vec((grant(), any::<bool>()), 0..6)) {
        // What is refused is left out, as a user would do; each refusal must name a way, or what to mend.
        let mut builder = Boundary::builder();
        for (grant, allow) in grants {
            let next = if allow { builder.clone().allow(grant) } else { builder.clone().deny(grant) };
            match next.clone().build() {
                Ok(_) => builder = next,
                Err(error) => prop_assert!(error.to_string().contains("no."), "{}", error),
            }
        }
        let policy = builder.build().unwrap();
        prop_assert!(policy.len() <= Boundary::MOST);

        let parsed = Policy::parse(policy.as_str());
        let found = escalation(&parsed);
        prop_assert!(found.is_none(), "{:?} in {}", found, policy);
        for (action, reads) in authority() {
            prop_assert!(*reads || explicitly_denied(&parsed, action), "{} in {}", action, policy);
        }
    }
}

#[test]
fn the_property_meets_many_boundaries_with_wildcards() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut built, mut wild) = (0, 0);
    for _ in 0..500 {
        let (has_wildcard, grant) = wild_or_not().new_tree(&mut runner).unwrap().current();
        if Boundary::builder().allow(grant).build().is_ok() {
            built += 1;
            wild += i32::from(has_wildcard);
        }
    }
    assert!(built > 50 && wild > 20, "{built} {wild}");
}
