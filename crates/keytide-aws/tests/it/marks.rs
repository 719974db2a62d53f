//! What was issued says what it is, whoever hands it on: chained or not, which tags it has.

use std::time::Duration;

use keytide_aws::{
    AssumeRole, AssumeRoleBuilder, Env, Imds, LambdaEnvironment, WebIdentity, WebIdentityToken,
};
use keytide_core::{
    Agent, Cache, Chain, Error, ErrorKind, Issued, Profile, ProvideCredential, Request,
};
use keytide_testkit::Canary;
use keytide_testkit::aws::{Container, Instance, Sts};
use keytide_testkit::server::FaultServer;

use crate::machine::Machine;
use crate::support::{ROLE, agent, chain, client, container, field, identity};

const HALF_A_DAY: Duration = Duration::from_secs(12 * 3600);

fn role(sts: &FaultServer, base: Cache) -> AssumeRoleBuilder {
    AssumeRole::builder(ROLE, base)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client())
        .env(Env::of::<String, String>([]))
}

/// A provider of a user, who adds nothing to what another one gives.
struct Wrapped<P>(P);

impl<P: ProvideCredential> ProvideCredential for Wrapped<P> {
    fn profile(&self) -> Profile {
        Profile::signing_key("wrapped")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.0.provide(request).await
    }
}

fn imds(server: &FaultServer) -> Imds {
    Imds::new()
        .endpoint(server.origin())
        .env(Env::of::<String, String>([]))
        .client(client())
}

#[tokio::test]
async fn twelve_hours_are_asked_for_over_an_instance_and_one_over_all_else_whoever_hands_it_on() {
    let agent = agent();
    let instance = FaultServer::start(Instance::new("marks-imds-"));
    let task = FaultServer::start(Container::new("marks-task-"));
    let sts = FaultServer::start(Sts::new("marks-sts-"));
    let machine = Machine::new("marks-machine-");
    let pod = Machine::new("marks-pod-").container();
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, "a.b.c").unwrap();
    let web = WebIdentity::builder(ROLE, WebIdentityToken::file(&token))
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
    let function = LambdaEnvironment::new().env(Env::of([
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_ACCESS_KEY_ID", "ASIALAMBDA"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "t"),
    ]));
    let bases = [
        ("imds", true, agent.cache(imds(&instance)).build()),
        (
            "wrapped imds",
            true,
            agent.cache(Wrapped(imds(&instance))).build(),
        ),
        (
            "chain to imds",
            true,
            agent
                .cache(
                    Chain::first(LambdaEnvironment::new().env(Env::of::<String, String>([])))
                        .then(imds(&instance)),
                )
                .build(),
        ),
        (
            "default role on EC2",
            true,
            agent.cache(machine.provider()).build(),
        ),
        ("task", false, agent.cache(container(&task)).build()),
        (
            "wrapped task",
            false,
            agent.cache(Wrapped(container(&task))).build(),
        ),
        (
            "default role of a pod",
            false,
            agent.cache(pod.provider()).build(),
        ),
        ("function", false, agent.cache(function).build()),
        ("token", false, agent.cache(web).build()),
        (
            "role over an instance",
            false,
            agent
                .cache(
                    role(&sts, agent.cache(imds(&instance)).build().unwrap())
                        .build()
                        .unwrap(),
                )
                .build(),
        ),
    ];
    for (what, long, base) in bases {
        let provider = role(&sts, base.unwrap())
            .duration(HALF_A_DAY)
            .build()
            .unwrap();
        let sessions = provider.sessions();

        let answer = agent.cache(provider).build().unwrap().get().await;

        answer.unwrap_or_else(|error| panic!("{what}: {}", chain(&error)));
        let asked = field(&sts.requests().pop().unwrap(), "DurationSeconds");
        let expected = if long { "43200" } else { "3600" };
        assert_eq!(asked.as_deref(), Some(expected), "{what}");
        let cut_from = sessions.last().unwrap().cut_from;
        assert_eq!(cut_from, (!long).then_some(HALF_A_DAY), "{what}");
    }
}

#[tokio::test]
async fn a_cut_is_logged_and_a_read_that_asks_for_more_fails_without_a_call() {
    let _canary = Canary::new();
    let agent = agent();
    let task = FaultServer::start(Container::new("marks-cut-"));
    let sts = FaultServer::start(Sts::new("marks-cut-sts-"));
    let base = agent.cache(container(&task)).build().unwrap();
    let cut = "arn:aws:iam::123456789012:role/cut-to-an-hour";
    let provider = AssumeRole::builder(cut, base)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .duration(HALF_A_DAY);
    let cache = agent.cache(provider.build().unwrap()).build().unwrap();
    assert!(!Canary::logged(cut));

    cache.get().await.unwrap();

    assert!(Canary::logged(cut) && Canary::logged("is cut to an hour"));
    let asked = sts.count();
    let two_hours = Duration::from_secs(7200);
    let error = cache.need().lasting(two_hours).get().await;
    assert!(error.is_err());
    assert_eq!(sts.count(), asked, "it fails without a call");
}

#[tokio::test]
async fn tags_that_go_on_are_sent_once_whoever_assumed_the_first_role() {
    let agent = agent();
    let machine = Machine::new("marks-tags-").config(&format!(
        "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
    ));
    for base in [
        agent.cache(machine.provider()).build().unwrap(),
        agent.cache(Wrapped(machine.provider())).build().unwrap(),
    ] {
        let first = role(&machine.sts, base)
            .transitive_tag("project", "x")
            .tag("only here", "y");
        let first = agent.cache(first.build().unwrap()).build().unwrap();
        let second = role(&machine.sts, first)
            .tag("Project", "x")
            .tag("only here", "z");
        let second = agent.cache(second.build().unwrap()).build().unwrap();

        second
            .get()
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)));

        let requests = machine.sts.requests();
        let tags: Vec<_> = requests[requests.len() - 3..]
            .iter()
            .map(|asked| {
                let form = asked.form().into_iter();
                let keys =
                    form.filter(|(name, _)| name.starts_with("Tags.") && name.ends_with(".Key"));
                keys.map(|(_, key)| key).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(tags[0].len(), 5, "{tags:?}");
        assert_eq!(tags[1], ["project", "only here"]);
        assert_eq!(tags[2], ["only here"]);
    }
}

#[tokio::test]
async fn a_tag_that_cannot_be_changed_is_named_before_sts_is_asked() {
    let (first, second) = (agent(), Agent::builder(identity("other")).build().unwrap());
    let instance = FaultServer::start(Instance::new("marks-other-"));
    let sts = FaultServer::start(Sts::new("marks-other-sts-"));
    let base = first.cache(imds(&instance)).build().unwrap();
    let base = role(&sts, base).transitive_tag("project", "x");
    let base = first.cache(base.build().unwrap()).build().unwrap();
    base.get().await.unwrap();
    let asked = sts.count();

    // The session of one agent as the base of another, and a tag with another value.
    let of_another = second.cache(role(&sts, base.clone()).build().unwrap());
    let changed = first.cache(
        role(&sts, base.clone())
            .tag("project", "y")
            .build()
            .unwrap(),
    );
    for (cache, tag) in [(of_another, "agent-type"), (changed, "project")] {
        let error = cache.build().unwrap().get().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(
            error
                .to_string()
                .contains(&format!("transitive tag {tag} ")),
            "{error}"
        );
    }
    assert_eq!(sts.count(), asked);

    let left_out = role(&sts, base)
        .without_identity_tags()
        .without_source_identity();
    let cache = second.cache(left_out.build().unwrap()).build().unwrap();
    cache.get().await.unwrap();
}

#[tokio::test]
async fn a_label_that_is_named_is_a_tag_and_others_are_not_sent() {
    let agent = Agent::builder(identity("labelled"))
        .label("data-class", "internal;a")
        .label("unnamed", "v")
        .build()
        .unwrap();
    let instance = FaultServer::start(Instance::new("marks-label-"));
    let sts = FaultServer::start(Sts::new("marks-label-sts-"));
    let base = agent.cache(imds(&instance)).build().unwrap();
    let labelled = role(&sts, base.clone()).label_tag("data-class");

    agent
        .cache(labelled.build().unwrap())
        .build()
        .unwrap()
        .get()
        .await
        .unwrap();

    let asked = sts.requests().pop().unwrap();
    let sixth = |end: &str| field(&asked, &format!("Tags.member.6{end}"));
    assert_eq!(sixth(".Key").as_deref(), Some("data-class"));
    assert_eq!(sixth(".Value").as_deref(), Some("internal=3Ba"));
    assert_eq!(
        field(&asked, "TransitiveTagKeys.member.6").as_deref(),
        Some("data-class")
    );
    assert_eq!(field(&asked, "Tags.member.7.Key"), None);

    let missing = role(&sts, base).label_tag("nowhere");
    let error = agent
        .cache(missing.build().unwrap())
        .build()
        .unwrap()
        .get()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("nowhere"), "{error}");
}
