//! A peer: another program, started for a test and ended with it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// What went wrong, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How a peer is started. It prints `ready` once it listens, and a line of JSON for each line that it is sent.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What it is called here.
    pub name: &'static str,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it runs.
    pub directory: PathBuf,
}

/// A peer that runs. Killed when it is dropped.
#[derive(Debug)]
pub struct Peer {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it cannot be started, or does not come to listen within 30 s.
    pub async fn start(recipe: &Recipe) -> Result<Self, Failure> {
        let Recipe {
            name,
            command,
            directory,
        } = recipe;
        println!("   start {name}: {}", command.join(" "));
        let (program, arguments) = command.split_first().ok_or("a recipe without a program")?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{name} could not be started: {error}"))?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut peer = Self {
            name,
            child,
            input,
            output: BufReader::new(output).lines(),
        };
        loop {
            if peer.line().await? == "ready" {
                return Ok(peer);
            }
        }
    }

    /// What the peer has to tell.
    ///
    /// # Errors
    /// When it does not answer within 30 s, or with something else than JSON.
    pub async fn ask(&mut self) -> Result<Value, Failure> {
        self.ask_for("").await
    }

    /// What the peer has to tell of one thing, which is one line.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub async fn ask_for(&mut self, line: &str) -> Result<Value, Failure> {
        self.input.write_all(line.as_bytes()).await?;
        self.input.write_all(b"\n").await?;
        self.input.flush().await?;
        Ok(serde_json::from_str(&self.line().await?)?)
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }

    async fn line(&mut self) -> Result<String, Failure> {
        let name = self.name;
        let line = timeout(Duration::from_secs(30), self.output.next_line())
            .await
            .map_err(|_| format!("{name} does not answer"))??;
        line.ok_or_else(|| format!("{name} has ended").into())
    }
}

/// A port that nobody listens on now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
