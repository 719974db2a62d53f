//! A forked child does not use its parent's credentials, and can have an agent of its own.

use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, AgentType, Environment, Error, ErrorKind, Issued, Owner, Profile,
    ProvideCredential, Request, Secret, Version,
};

struct Minute;

impl ProvideCredential for Minute {
    fn profile(&self) -> Profile {
        Profile::bearer("minute")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Ok(Issued::bearer(Secret::from("token".to_owned())).expires_in(Duration::from_secs(60)))
    }
}

fn agent() -> Agent {
    let identity = AgentIdentity::new(
        AgentType("forker"),
        Version("1"),
        Environment("test"),
        Owner("tests"),
    );
    Agent::builder(identity.unwrap()).build().unwrap()
}

/// Returns how many promises the child found broken.
fn in_the_child(parent: &Agent, cache: &keytide_core::Cache) -> i32 {
    // At most a second of a lease may be left.
    std::thread::sleep(Duration::from_millis(1100));
    let mut broken = 0;
    let mut expect = |what: &str, holds: bool| {
        if !holds {
            eprintln!("child: {what}");
            broken += 1;
        }
    };
    let foreign = |error: &Error| error.kind() == ErrorKind::ForeignInstance;
    expect(
        "a read must be refused",
        cache.read(|_| ()).as_ref().is_err_and(foreign),
    );
    expect(
        "an owned read must be refused",
        cache.try_get().as_ref().is_err_and(foreign),
    );
    let waited = cache.get_blocking(Duration::from_secs(1));
    expect(
        "a waiting read must be refused",
        waited.as_ref().is_err_and(foreign),
    );
    let built = parent.cache(Minute).build();
    expect(
        "the parent's agent must hold nothing new",
        built.as_ref().is_err_and(foreign),
    );

    let own = agent();
    expect(
        "the child's agent must have an id of its own",
        own.instance() != parent.instance(),
    );
    let own = own.cache(Minute).build().unwrap();
    expect(
        "the child's agent must work",
        own.get_blocking(Duration::from_secs(10)).is_ok(),
    );
    broken
}

fn main() {
    a_forked_child_is_refused_and_can_have_an_agent_of_its_own();
}

#[expect(unsafe_code, reason = "there is no safe fork")]
fn a_forked_child_is_refused_and_can_have_an_agent_of_its_own() {
    let agent = agent();
    let cache = agent.cache(Minute).build().unwrap();
    cache.get_blocking(Duration::from_secs(10)).unwrap();
    cache.read(|_| ()).unwrap();

    // SAFETY: the child calls nothing that a lock of another thread could hold up: the only other thread here is the
    // library's own, at rest.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let broken = in_the_child(&agent, &cache);
        // SAFETY: ends the child without running the parent's destructors.
        unsafe { libc::_exit(broken) };
    }
    assert!(child > 0, "cannot fork");
    let mut status = 0;
    // SAFETY: waits for the child that was just made.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);

    assert!(cache.read(|_| ()).is_ok(), "the parent goes on");
    let sound = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    assert!(sound, "the child found promises broken: status {status}");
    println!("a_forked_child_is_refused_and_can_have_an_agent_of_its_own: ok");
}
