use keytide_core::{Agent, Error, Subject};

fn subject_for_a_provider(agent: &Agent, subject: Subject) -> Result<(), Error> {
    agent.cache(subject).build()?;
    Ok(())
}

fn main() {}
