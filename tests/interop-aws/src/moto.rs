//! moto as a process of its own: [`Moto`].

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use keytide_interop::{Failure, free_port};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A moto server. Killed when it is dropped.
pub(crate) struct Moto {
    pub(crate) port: u16,
    /// Where the operator's key is, in the form of credential_process.
    pub(crate) keys: PathBuf,
    pub(crate) python: PathBuf,
    /// The script that signs with botocore.
    pub(crate) verify: PathBuf,
    _child: Child,
}

impl Moto {
    /// One that checks every signature and every policy, with an operator, a role and a bucket.
    pub(crate) async fn strict(directory: &Path, setup: &Path) -> Result<Self, Failure> {
        let mut moto = Self::start(
            directory,
            "strict",
            &[("INITIAL_NO_AUTH_ACTION_COUNT", "3")],
        )
        .await?;
        println!("   + {} {}", setup.display(), moto.origin());
        moto.verify = setup.with_file_name("verify.py");
        let output = Command::new(&moto.python)
            .arg(setup)
            .arg(moto.origin())
            .stderr(Stdio::inherit())
            .output()
            .await?;
        if !output.status.success() {
            return Err("moto could not be prepared".into());
        }
        tokio::fs::write(&moto.keys, output.stdout).await?;
        Ok(moto)
    }

    /// One that checks nothing.
    pub(crate) async fn lax(directory: &Path) -> Result<Self, Failure> {
        Self::start(directory, "lax", &[]).await
    }

    /// One that wants signatures from the first call on, and fails over requests that have none.
    pub(crate) async fn broken(directory: &Path) -> Result<Self, Failure> {
        Self::start(
            directory,
            "broken",
            &[("INITIAL_NO_AUTH_ACTION_COUNT", "0")],
        )
        .await
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn start(
        directory: &Path,
        name: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let port = free_port()?;
        let log = std::fs::File::create(directory.join(format!("moto-{name}.log")))?;
        let program = directory.join("venv/bin/moto_server");
        println!(
            "   start moto ({name}): {} -H 127.0.0.1 -p {port}",
            program.display()
        );
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("moto could not be started: {error}"))?;
        for _ in 0..300 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Ok(Self {
                    port,
                    python: directory.join("venv/bin/python"),
                    verify: PathBuf::new(),
                    keys: std::path::absolute(directory)?.join(format!("keys-{name}.json")),
                    _child: child,
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("moto ({name}) does not listen within 30 s").into())
    }
}
