//! Keys that a command prints: [`CredentialProcess`].

use std::fmt;
use std::io;
use std::process::Command;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Program, ProgramFault};

use crate::document::Document;
use crate::keys::Keys;

/// Runs a command that prints AWS keys, by the protocol of `credential_process`.
///
/// The command goes to `sh -c` (on Windows to `cmd.exe /C`), anew for each call. What it prints is one JSON object with
/// `Version` 1; at most 64 KiB are read. Its standard error goes nowhere: it might hold what no log should. It has a process
/// group of its own, which is killed when the call is dropped; what it leaves behind after its end is left alone. See
/// [`Program`].
///
/// ```
/// use keytide_aws::CredentialProcess;
///
/// let provider = CredentialProcess::new("/opt/bin/role-credentials --role invoices");
/// ```
///
/// Keys without an `Expiration` are static: a cache refuses them unless it was built with
/// [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static).
///
/// # Errors
/// [`Unavailable`](keytide_core::ErrorKind::Unavailable): it ends with another code than 0, is killed, or prints what are no
/// keys. [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): it cannot be found or run, or prints another version.
#[derive(Clone)]
pub struct CredentialProcess {
    command: String,
}

impl CredentialProcess {
    /// This command, for a shell. It is never logged, nor part of an error: it may hold secrets.
    #[must_use]
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
        }
    }

    pub(crate) async fn keys(&self) -> Result<Keys, Error> {
        let printed = Program::of(self.command()).at_most(MOST).run();
        let printed = printed.await.map_err(not_run)?;
        // Where somebody else has waited for it, its output speaks for itself.
        let ended = printed.status().map(|status| status.code());
        match ended {
            None | Some(Some(0)) => {}
            // What a shell says of a command that it did not find, or could not run.
            Some(Some(code @ (126 | 127))) => {
                return Err(Error::misconfigured(format!(
                    "the command of credential_process cannot be found or run (code {code})"
                )));
            }
            Some(Some(code)) => {
                return Err(Error::unavailable(format!(
                    "the command of credential_process ends with code {code}: run it by hand to see what it says"
                )));
            }
            Some(None) => {
                return Err(Error::unavailable(
                    "the command of credential_process was killed",
                ));
            }
        }
        let document = Document::printed("the output of credential_process", printed.output())?;
        if document.version != Some(1) {
            return Err(Error::misconfigured(
                "the output of credential_process has no Version, or another one than 1",
            ));
        }
        document.keys()
    }

    #[cfg(not(windows))]
    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command);
        command
    }

    /// `cmd.exe` takes the rest of its line as it is, and strips one pair of quotes.
    #[cfg(windows)]
    fn command(&self) -> Command {
        use std::os::windows::process::CommandExt;

        let mut command = Command::new("cmd.exe");
        command.arg("/C").raw_arg(format!("\"{}\"", self.command));
        command
    }
}

impl ProvideCredential for CredentialProcess {
    fn profile(&self) -> Profile {
        Profile::signing_key("process")
            .remedy("have the command print an Expiration, or give this workload a role")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Ok(self.keys().await?.issued())
    }
}

fn not_run(fault: ProgramFault) -> Error {
    match fault {
        ProgramFault::Start(error) => {
            let message = "the shell for the command of credential_process cannot be run";
            let told = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    Error::misconfigured(message)
                }
                // No process or no descriptor could be had: another time there may be one.
                _ => Error::unavailable(message),
            };
            told.caused_by(error)
        }
        ProgramFault::Output(error) => {
            Error::unavailable("the output of the command of credential_process broke off")
                .caused_by(error)
        }
        fault => Error::unavailable(format!("the command of credential_process {fault}")),
    }
}

impl fmt::Debug for CredentialProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialProcess").finish_non_exhaustive()
    }
}

const MOST: usize = 64 << 10;
