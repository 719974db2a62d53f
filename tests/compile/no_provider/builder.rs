use keytide_core::{Agent, Error};

struct InvoicesBuilder;

fn forgotten_build(agent: &Agent) -> Result<(), Error> {
    agent.cache(InvoicesBuilder).build()?;
    Ok(())
}

fn main() {}
