//! A certified authorization server with tokens of three seconds (more beside other programs), an API that asks it about every token, and a hundred
//! readers through keytide.
//!
//!   interop-oauth DIRECTORY FAKETIME
//!
//! DIRECTORY holds the peers with what they need installed; FAKETIME is the library of that name, which moves the
//! clock of a process.

mod scenario;

use std::path::PathBuf;
use std::process::ExitCode;

use keytide_interop::{Failure, Machine, judged};
use scenario::Stage;

#[tokio::main]
async fn main() -> ExitCode {
    judged("oauth", run).await
}

async fn run(machine: &Machine) -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [directory, faketime] = <[String; 2]>::try_from(arguments)
        .map_err(|_| "usage: interop-oauth DIRECTORY FAKETIME")?;
    let stage = Stage::new(PathBuf::from(directory), faketime, machine)?;

    scenario::every_way_to_show_who_asks(&stage).await?;
    scenario::load(&stage, "a client secret", scenario::secret).await?;
    scenario::load(&stage, "private_key_jwt", scenario::signed).await?;
    scenario::skewed(&stage, "+2h").await?;
    scenario::skewed(&stage, "-2h").await?;
    scenario::outage(&stage).await
}
