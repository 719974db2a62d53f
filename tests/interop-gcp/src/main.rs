//! Google's own library and `gcloud` against the issuers of the test kit, and keytide against the same issuers.
//!
//!   interop-gcp DIRECTORY CASES GOLDEN GCLOUD [--record]
//!
//! DIRECTORY holds a Python environment with the library; CASES is the program that drives it; GOLDEN holds what the library
//! asked for when it was recorded, and is written anew with `--record`; GCLOUD is the command, or `none`.

mod clients;
mod forty;
mod gcloud;
mod readers;

use std::path::PathBuf;
use std::process::ExitCode;

use keytide_interop::{Failure, judged};

#[tokio::main]
async fn main() -> ExitCode {
    judged("gcp", async |machine| run(machine.scale()).await).await
}

async fn run(scale: u32) -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).collect::<Vec<_>>().into_iter();
    let usage = "usage: interop-gcp DIRECTORY CASES GOLDEN GCLOUD [--record]";
    let directory = PathBuf::from(arguments.next().ok_or(usage)?).canonicalize()?;
    let cases = PathBuf::from(arguments.next().ok_or(usage)?).canonicalize()?;
    let golden = PathBuf::from(arguments.next().ok_or(usage)?);
    let command = arguments.next().ok_or(usage)?;
    let record = arguments.next().is_some_and(|flag| flag == "--record");

    clients::library(&directory, &cases, &golden, record).await?;
    if command == "none" {
        println!("== gcloud is not tried, as it was told");
    } else {
        gcloud::logs_in(&directory, &command).await?;
    }
    tokio::try_join!(readers::rotate(scale), forty::seconds())?;
    Ok(())
}
