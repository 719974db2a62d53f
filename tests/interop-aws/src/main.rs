//! moto, which checks every signature, with role sessions of three seconds, and three hundred users of three kinds.
//!
//!   interop-aws DIRECTORY SETUP
//!
//! DIRECTORY holds moto in `venv`; SETUP is the script that prepares it.

mod crowd;
mod moto;
mod relay;
mod scenario;

use std::path::PathBuf;
use std::process::ExitCode;

use keytide_interop::{Failure, Machine, judged};

use crate::moto::Moto;

#[tokio::main]
async fn main() -> ExitCode {
    judged("aws", run).await
}

async fn run(machine: &Machine) -> Result<(), Failure> {
    let (directory, setup) = arguments()?;
    let strict = Moto::strict(&directory, &setup).await?;
    scenario::every_way_to_ask(&strict).await?;
    scenario::load(&strict, machine.scale()).await?;
    drop(strict);
    scenario::web_identity(&directory).await
}

fn arguments() -> Result<(PathBuf, PathBuf), Failure> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    match (arguments.next(), arguments.next()) {
        (Some(directory), Some(setup)) => Ok((directory, setup)),
        _ => Err("usage: interop-aws DIRECTORY SETUP".into()),
    }
}
