//! Programs that end with the call that runs them: [`KillGroup`].

use std::ffi::OsStr;
use std::io;
use std::process::Output;

use azure_identity::Executor;
use keytide_issuer::{Program, ProgramFault};

/// Runs a program in a process group of its own, and kills the group when the call is dropped: the shell that is run starts
/// `az`, and that an interpreter. What it leaves behind after its end holds nobody up: see [`Program`].
#[derive(Debug)]
pub(super) struct KillGroup;

#[async_trait::async_trait]
impl Executor for KillGroup {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let program = Program::new(program).args(args).keep_errors().at_most(MOST);
        let printed = program.run().await.map_err(|fault| match fault {
            ProgramFault::Start(error) | ProgramFault::Output(error) => error,
            fault => io::Error::other(fault),
        })?;
        Ok(Output {
            // Where somebody else has waited for it, its output speaks for itself.
            status: printed.status().unwrap_or_default(),
            stdout: printed.output().to_vec(),
            stderr: printed.errors().to_vec(),
        })
    }
}

/// Bytes: a token, and what an interpreter says when it fails.
const MOST: usize = 256 << 10;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether a process runs: one that has ended and was not waited for does not.
    fn runs(id: &str) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat"));
        state.is_ok_and(|state| !state.contains(") Z "))
    }

    #[tokio::test]
    async fn what_a_program_started_ends_with_the_call() {
        let directory = tempfile::tempdir().unwrap();
        let named = directory.path().join("id");
        let script = format!(
            "/bin/sleep 300 & echo $! > {0}.new; mv {0}.new {0}; wait",
            named.display()
        );
        let args = [OsStr::new("-c"), OsStr::new(&script)];

        let call = tokio::time::timeout(Duration::from_secs(60), async {
            tokio::select! {
                ended = KillGroup.run(OsStr::new("/bin/sh"), &args) => panic!("it ended: {ended:?}"),
                id = until(|| std::fs::read_to_string(&named).ok()) => id,
            }
        });
        let id = call.await.unwrap();
        let id = id.trim();

        let ended = until(|| (!runs(id)).then_some(()));
        tokio::time::timeout(Duration::from_secs(60), ended)
            .await
            .unwrap();
    }

    /// Real processes are waited for in real time.
    async fn until<T>(look: impl Fn() -> Option<T>) -> T {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn what_a_program_says_and_how_it_ends_is_handed_on() {
        let args = ["-c", "echo out; echo err >&2; exit 3"].map(OsStr::new);

        let output = KillGroup.run(OsStr::new("/bin/sh"), &args).await.unwrap();

        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            (&*output.stdout, &*output.stderr),
            (&b"out\n"[..], &b"err\n"[..])
        );
    }
}
