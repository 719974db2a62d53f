//! Programs that print a credential: [`Program`].

use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Runs a program to its end, and gives what it printed: for helpers that print a credential.
///
/// It has a process group of its own, no input, and an error output that goes nowhere, for that may hold what no log should.
/// On Windows it has no group.
///
/// | what happens | becomes of it |
/// |---|---|
/// | it ends | what it printed, and how it ended |
/// | it ends and leaves something behind that holds its output open, such as a daemon | the same, 250 ms later; what was left is left alone |
/// | it was waited for by somebody else, or this process ignores `SIGCHLD` | what it printed; how it ended is unknown |
/// | it closes its output and goes on for 2 s | the same; it is left alone |
/// | the call is dropped, or too much is printed | the whole group is killed |
///
/// ```
/// # #[cfg(unix)]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use keytide_issuer::Program;
///
/// let printed = Program::new("sh").args(["-c", "echo token; exit 0"]).run().await.unwrap();
///
/// assert_eq!(printed.output(), b"token\n");
/// assert!(printed.status().is_none_or(|status| status.success()));
/// # });
/// ```
pub struct Program {
    command: Command,
    most: usize,
    keeps_errors: bool,
}

/// What a program printed, wiped when it is dropped, and how it ended.
pub struct Printed {
    output: Zeroizing<Vec<u8>>,
    errors: Zeroizing<Vec<u8>>,
    status: Option<ExitStatus>,
}

/// Why a program gave nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProgramFault {
    /// It could not be started.
    Start(io::Error),
    /// It printed more than so many bytes.
    TooMuch(usize),
    /// What it printed could not be read.
    Output(io::Error),
}

impl Program {
    /// This program, which is not started yet.
    #[must_use]
    pub fn new(program: impl AsRef<std::ffi::OsStr>) -> Self {
        Self::of(std::process::Command::new(program))
    }

    /// This command, which is not started yet. Its standard streams and its process group are set here.
    #[must_use]
    pub fn of(command: std::process::Command) -> Self {
        Self {
            command: command.into(),
            most: MOST,
            keeps_errors: false,
        }
    }

    /// What it is told.
    #[must_use]
    pub fn args<T: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.command.args(args);
        self
    }

    /// Keeps what it writes to its error output too, up to the same limit, for who must know why it fails. It may hold
    /// secrets: see [`Printed::errors`]. Defaults to not.
    #[must_use]
    pub fn keep_errors(mut self) -> Self {
        self.keeps_errors = true;
        self
    }

    /// The most bytes that it may print. Defaults to 64 KiB.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// Starts it, and waits for its end.
    ///
    /// # Errors
    /// [`ProgramFault`]. That it ended with a failure is none: see [`Printed::status`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub async fn run(mut self) -> Result<Printed, ProgramFault> {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if self.keeps_errors {
                Stdio::piped()
            } else {
                Stdio::null()
            });
        #[cfg(unix)]
        self.command.process_group(0);
        #[cfg(not(unix))]
        self.command.kill_on_drop(true);
        let mut child = self.command.spawn().map_err(ProgramFault::Start)?;
        let mut group = Group::of(&child);
        let mut streams = Streams {
            output: Stream::of(child.stdout.take(), self.most),
            errors: Stream::of(child.stderr.take(), self.most),
        };
        let status = streams.until_ended(&mut child).await?;
        group.ended();
        Ok(Printed {
            output: streams.output.whole(),
            errors: streams.errors.whole(),
            status,
        })
    }
}

impl Printed {
    /// What it printed.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// What it wrote to its error output, where that was [kept](Program::keep_errors). Not for logs: it may hold secrets.
    #[must_use]
    pub fn errors(&self) -> &[u8] {
        &self.errors
    }

    /// How it ended; `None` where that is unknown: then what it printed has to speak for itself.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        self.status
    }
}

struct Streams {
    output: Stream<ChildStdout>,
    errors: Stream<ChildStderr>,
}

/// A stream, and what was read of it: a buffer of its full size from the start, for one that grows leaves copies behind.
struct Stream<S> {
    stream: Option<S>,
    read: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Streams {
    /// Reads until nobody holds the streams open, or shortly after the program has ended.
    async fn until_ended(&mut self, child: &mut Child) -> Result<Option<ExitStatus>, ProgramFault> {
        // Where somebody else has waited for it, that is an end as well.
        let ended = tokio::select! {
            biased;
            read = self.read_out() => {
                read?;
                None
            }
            ended = child.wait() => Some(ended.ok()),
        };
        let Some(status) = ended else {
            let ended = timeout(UNTIL_THE_END, child.wait()).await;
            return Ok(ended.ok().and_then(Result::ok));
        };
        // What it wrote is there already; what it left behind may hold the streams open for ever.
        if let Ok(read) = timeout(AFTER_THE_END, self.read_out()).await {
            read?;
        }
        Ok(status)
    }

    async fn read_out(&mut self) -> Result<(), ProgramFault> {
        tokio::try_join!(self.output.read_out(), self.errors.read_out())?;
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    fn of(stream: Option<S>, most: usize) -> Self {
        Self {
            read: Zeroizing::new(vec![0; if stream.is_some() { most + 1 } else { 0 }]),
            stream,
            length: 0,
        }
    }

    async fn read_out(&mut self) -> Result<(), ProgramFault> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let most = self.read.len() - 1;
        loop {
            let room = self.read.get_mut(self.length..).unwrap_or_default();
            let count = stream.read(room).await.map_err(ProgramFault::Output)?;
            self.length += count;
            if count == 0 {
                return Ok(());
            }
            if self.length > most {
                return Err(ProgramFault::TooMuch(most));
            }
        }
    }

    fn whole(mut self) -> Zeroizing<Vec<u8>> {
        self.read.truncate(self.length);
        self.read
    }
}

/// The process group of a program, which is killed when it is dropped before the program has ended.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            leader: id.and_then(rustix::process::Pid::from_raw),
        }
    }

    fn ended(&mut self) {
        self.leader = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        // Nobody has waited for its leader yet, so that the number is still its own. It may have gone all the same.
        if let Some(leader) = self.leader {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(not(unix))]
impl Group {
    fn of(_: &Child) -> Self {
        Self {}
    }

    fn ended(&mut self) {}
}

impl fmt::Display for ProgramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(_) => f.write_str("cannot be started"),
            Self::TooMuch(most) if most.is_multiple_of(1024) => {
                write!(f, "prints over {} KiB", most / 1024)
            }
            Self::TooMuch(most) => write!(f, "prints over {most} bytes"),
            Self::Output(_) => f.write_str("prints what cannot be read"),
        }
    }
}

impl std::error::Error for ProgramFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) | Self::Output(error) => Some(error),
            Self::TooMuch(_) => None,
        }
    }
}

/// Without what it is told, which may hold secrets.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl fmt::Debug for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printed")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

const MOST: usize = 64 << 10;
/// How long an output is read after its program has ended: what was written before is there at once.
const AFTER_THE_END: Duration = Duration::from_millis(250);
/// How long a program is waited for that has closed its output: where somebody else waits for it, its end may not be heard of.
const UNTIL_THE_END: Duration = Duration::from_secs(2);

#[cfg(all(test, target_os = "linux"))]
mod tests;
