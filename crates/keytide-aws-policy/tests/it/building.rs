//! What the builder writes and refuses.

use keytide_aws_policy::{Boundary, BoundaryBuilder, Grant, lint_policy};

use crate::evaluator::{Call, Decision, evaluate};

fn bucket() -> Grant {
    Grant::of(["s3:GetObject"]).on(["arn:aws:s3:::b/*"])
}

fn refused(builder: BoundaryBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn writes_the_shortest_json_in_a_fixed_order() {
    let build = |swap: bool| {
        let put = Grant::of(["s3:PutObject"]).on(["arn:aws:s3:::b/*"]);
        let list = Grant::of(["s3:ListBucket"])
            .on(["arn:aws:s3:::b"])
            .when("StringLike", "s3:prefix", ["a/*", "b\"/*"])
            .when("Bool", "aws:SecureTransport", ["true"]);
        let builder = Boundary::builder();
        let builder = if swap {
            builder.allow(put).allow(bucket())
        } else {
            builder.allow(bucket()).allow(put)
        };
        builder.allow(list).build().unwrap()
    };

    assert_eq!(build(false), build(true));
    assert_eq!(
        build(false).as_str(),
        concat!(
            r#"{"Version":"2012-10-17","Statement":["#,
            r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::b/*"},"#,
            r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"#,
            r#""Bool":{"aws:SecureTransport":"true"},"StringLike":{"s3:prefix":["a/*","b\"/*"]}}},"#,
            r#"{"Effect":"Deny","Action":["iam:A*","iam:C*","iam:D*","iam:E*","iam:Gen*","iam:P*","iam:R*","#,
            r#""iam:Se*","iam:T*","iam:U*","identitystore:*","organizations:*","sso-directory:*","sso:*","sts:*"],"#,
            r#""Resource":"*"}]}"#,
        )
    );
}

#[test]
fn a_wildcard_over_dangerous_actions_denies_them_by_name() {
    let grant = Grant::of(["lambda:*"]).on(["arn:aws:lambda:eu-central-1:123456789012:function:f"]);
    let policy = Boundary::builder().allow(grant).build().unwrap();
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:f";
    let decide = |action| evaluate(policy.as_str(), &Call::new(action, function));

    assert_eq!(decide("lambda:InvokeFunction"), Decision::Allowed);
    assert_eq!(decide("lambda:UpdateFunctionCode"), Decision::Explicit);
    assert_eq!(
        decide("lambda:UpdateFunctionConfiguration"),
        Decision::Explicit
    );
}

#[test]
fn a_role_may_be_passed_by_name_to_one_service() {
    let role = "arn:aws:iam::123456789012:role/task";
    let builder = Boundary::builder().danger_pass_role(role, "ecs-tasks.amazonaws.com");
    let policy = builder.build().unwrap();
    let decide = |role, service| {
        let call = Call::new("iam:PassRole", role).with("iam:PassedToService", service);
        evaluate(policy.as_str(), &call)
    };

    assert_eq!(decide(role, "ecs-tasks.amazonaws.com"), Decision::Allowed);
    assert_eq!(decide(role, "ec2.amazonaws.com"), Decision::Implicit);
    assert_eq!(
        decide(
            "arn:aws:iam::123456789012:role/admin",
            "ecs-tasks.amazonaws.com"
        ),
        Decision::Explicit
    );
}

#[test]
fn a_role_may_be_assumed_by_name() {
    let role = "arn:aws:iam::123456789012:role/reader";
    let policy = Boundary::builder()
        .danger_assume_role(role)
        .build()
        .unwrap();
    let decide = |action, role| evaluate(policy.as_str(), &Call::new(action, role));

    for action in ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] {
        assert_eq!(decide(action, role), Decision::Allowed, "{action}");
        assert_eq!(
            decide(action, "arn:aws:iam::123456789012:role/admin"),
            Decision::Explicit,
            "{action}"
        );
    }
    for action in [
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRoot",
        "sts:GetFederationToken",
    ] {
        assert_eq!(decide(action, role), Decision::Explicit, "{action}");
    }
}

#[test]
fn a_denial_of_ones_own_is_added() {
    let secret = Grant::of(["s3:GetObject"]).on(["arn:aws:s3:::b/secret/*"]);
    let policy = Boundary::builder()
        .allow(bucket())
        .deny(secret)
        .build()
        .unwrap();
    let decide = |key| evaluate(policy.as_str(), &Call::new("s3:GetObject", key));

    assert_eq!(decide("arn:aws:s3:::b/open"), Decision::Allowed);
    assert_eq!(decide("arn:aws:s3:::b/secret/x"), Decision::Explicit);
}

#[test]
fn refusals_say_what_to_mend() {
    let any = |action: &str| Boundary::builder().allow(Grant::of([action]).any_resource());
    let on = |resource: &str| Boundary::builder().allow(Grant::of(["s3:GetObject"]).on([resource]));
    let when = |operator: &str, key: &str, value: &str| {
        Boundary::builder().allow(bucket().when(operator, key, [value]))
    };
    let danger = |action: &str| {
        Boundary::builder()
            .danger_allow(Grant::of([action]).on(["arn:aws:iam::123456789012:role/r"]))
    };
    let pass = |role: &str, service: &str| Boundary::builder().danger_pass_role(role, service);
    let role = "arn:aws:iam::123456789012:role/r";
    for (builder, part) in [
        (any("*"), "name the actions"),
        (any("*:*"), "name the actions"),
        (any("s3:Get Object"), "letters"),
        (any("s3"), "service:Action"),
        (any("*:GetObject"), "name the service"),
        (any("iam:*"), "name the actions"),
        (any("iam:P*"), "name the actions"),
        (any("iam:PassRole"), "danger_pass_role"),
        (any("IAM:passrole"), "danger_pass_role"),
        (any("sts:AssumeRole"), "danger_assume_role"),
        (any("iam:PutRolePolicy"), "danger_allow"),
        (any("lambda:UpdateFunctionCode"), "danger_allow"),
        (any("dynamo:GetItem"), "dynamodb"),
        (
            Boundary::builder().allow(Grant::of(["s3:GetObject"])),
            "any_resource",
        ),
        (Boundary::builder().allow(bucket().any_resource()), "decide"),
        (
            Boundary::builder().allow(Grant::of(Vec::<String>::new()).any_resource()),
            "no action",
        ),
        (on("*"), "any_resource"),
        (on("b/*"), "arn:aws"),
        (on("arn:aws:s3:eu-central-1::b/*"), "arn:aws:s3:::bucket"),
        (on("arn:aws:*:::b"), "name it"),
        (on("arn:aws:s3:::日本"), "characters"),
        (when("StringMatches", "aws:userid", "x"), "StringMatches"),
        (when("StringEquals", "userid", "x"), "prefix:Name"),
        (when("Bool", "aws:SecureTransport", "1"), "true or false"),
        (
            Boundary::builder().allow(bucket().when(
                "StringEquals",
                "aws:userid",
                Vec::<String>::new(),
            )),
            "no value",
        ),
        (
            Boundary::builder().allow(bucket().when("StringEquals", "aws:userid", ["a"]).when(
                "StringEquals",
                "AWS:UserID",
                ["b"],
            )),
            "twice",
        ),
        (danger("iam:Create*"), "in full"),
        (danger("iam:PassRole"), "danger_pass_role"),
        (danger("s3:GetObject"), "use allow"),
        (danger("iam:GetRole"), "use allow"),
        (
            pass("arn:aws:iam::123456789012:role/*", "ec2.amazonaws.com"),
            "one role",
        ),
        (
            pass("arn:aws:iam::123456789012:user/r", "ec2.amazonaws.com"),
            "one role",
        ),
        (pass(role, "ec2"), "service principal"),
        (pass(role, "*.amazonaws.com"), "service principal"),
        (Boundary::builder().danger_assume_role("*"), "arn:aws"),
        (
            Boundary::builder().deny(Grant::of(["s3:*"])),
            "any_resource",
        ),
    ] {
        let error = refused(builder);
        assert!(error.contains(part), "{part}: {error}");
    }
    let second = Boundary::builder()
        .allow(bucket())
        .allow(Grant::of(["x"]).any_resource());
    assert!(refused(second).contains("allow no. 2"));
}

#[test]
fn a_policy_that_sts_would_refuse_for_its_length_is_refused_first() {
    let arns = (0..60).map(|n| format!("arn:aws:s3:::a-bucket-with-a-long-name-{n}/*"));
    let error = refused(Boundary::builder().allow(Grant::of(["s3:GetObject"]).on(arns)));
    assert!(error.contains("2048"), "{error}");
}

#[test]
fn what_the_builder_writes_has_no_fault() {
    let policy = Boundary::builder()
        .allow(bucket())
        .allow(Grant::of(["iam:GetRole", "iam:List*", "ec2:Describe*"]).any_resource())
        .danger_pass_role(
            "arn:aws:iam::123456789012:role/task",
            "ecs-tasks.amazonaws.com",
        )
        .danger_assume_role("arn:aws:iam::123456789012:role/reader")
        .build()
        .unwrap();
    assert_eq!(lint_policy(policy.as_str()), []);
}
