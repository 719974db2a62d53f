//! Follow a projected token that is really there: in a pod, or any file that something rotates.
//!
//! ```text
//! cargo run --example projected_token -- /var/run/secrets/tokens/api --audience https://api.example.com
//! ```
//!
//! It ends with Ctrl-C, or after `--for SECONDS`. What to look at: a line for each new token, moments after the file
//! changed, and what the token says of itself; write half a token, an empty file or one for another audience, and the
//! error says what to mend while the token at hand stays in use. The token itself is never printed.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use keytide::kubernetes::ProjectedToken;
use keytide::{Agent, AgentIdentity, Cache, ErrorKind, Event, EventKind};
use tokio::time::{Instant, interval, sleep_until};

#[tokio::main]
async fn main() -> ExitCode {
    let asked = match Received::parse(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(wrong) => {
            eprintln!("error: {wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match follow(asked).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn follow(asked: Received) -> Result<(), Box<dyn StdError>> {
    let identity = AgentIdentity {
        agent_type: "token-follower".into(),
        version: "0.1.0".into(),
        environment: "demo".into(),
        owner: "you".into(),
    };
    let agent = Agent::builder(identity).observe(tell_failure).build()?;

    // The mount's directory will do: the API server's own token is the file `token` in it.
    let path = match asked.path.is_dir() {
        true => asked.path.join("token"),
        false => asked.path,
    };
    let mut provider = ProjectedToken::builder(&path);
    if let Some(audience) = asked.audience {
        provider = provider.audience(audience);
    }
    let token = agent.cache(provider.build()?).key("token").build()?;

    // Subscribe before the first read, and miss nothing.
    let mut changes = token.changes();
    println!("following {}", path.display());
    match token.get().await {
        Ok(_) => {}
        // The file may be about to be written: it is watched.
        Err(error) if error.kind() == ErrorKind::Unavailable => println!("there is no token yet"),
        Err(error) => return Err(error.into()),
    }

    let end = asked.seconds.map(|seconds| Instant::now() + seconds);
    // Stands in for the requests of an agent: where nobody reads, nothing is refreshed.
    let mut requests = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            change = changes.next() => match change {
                Some(_) => print_status(&token),
                None => return Ok(()),
            },
            _ = requests.tick() => {
                // An error is an event too, and told there.
                let _ = token.try_get();
            }
            () = until(end) => break,
            stop = tokio::signal::ctrl_c() => {
                stop?;
                break;
            }
        }
    }
    println!("the end:");
    print_status(&token);
    Ok(())
}

fn print_status(token: &Cache) {
    let status = token.status();
    let principal = token
        .read(|credential| credential.principal().map(str::to_owned))
        .ok()
        .flatten();
    println!(
        "generation {}  {:?}  principal {}  remaining {}  rotations {}  failures {}",
        status.generation,
        status.phase,
        principal.as_deref().unwrap_or("-"),
        seconds(status.remaining),
        status.rotations,
        status.failures,
    );
}

/// The observer: prints what went wrong, and what happens next.
fn tell_failure(event: &Event) {
    match &event.kind {
        EventKind::Failed {
            error,
            message,
            next_attempt,
            remaining,
            ..
        } => println!(
            "failed ({error:?}): {message}\n    the token at hand lasts {}, next attempt in {}",
            seconds(*remaining),
            seconds(*next_attempt),
        ),
        EventKind::Unchanged { generation } => println!("generation {generation} is still the one"),
        EventKind::Expired { generation } => println!("generation {generation} expired"),
        _ => {}
    }
}

fn seconds(span: Option<Duration>) -> String {
    span.map_or_else(
        || "-".to_owned(),
        |span| format!("{:.1} s", span.as_secs_f64()),
    )
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// What the command line asks for.
struct Received {
    path: PathBuf,
    audience: Option<String>,
    seconds: Option<Duration>,
}

impl Received {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut path, mut audience, mut seconds) = (None, None, None);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                "--audience" => audience = Some(value()?),
                "--for" => {
                    let text = value()?;
                    let wrong = |_| format!("--for wants seconds, not {text:?}");
                    seconds = Some(Duration::from_secs(text.parse().map_err(wrong)?));
                }
                _ if word.starts_with('-') => return Err(format!("{word} is not known")),
                _ if path.is_some() => return Err("there is more than one path".to_owned()),
                _ => path = Some(PathBuf::from(word)),
            }
        }
        Ok(Self {
            path: path.ok_or("the path of a token's file is missing")?,
            audience,
            seconds,
        })
    }
}

const USAGE: &str = "\
usage: projected_token PATH [--audience AUDIENCE] [--for SECONDS]
  PATH        the token's file, or a directory that holds it as `token`
  --audience  refuse a token that is not for this audience
  --for       end after so many seconds; otherwise Ctrl-C ends it";
