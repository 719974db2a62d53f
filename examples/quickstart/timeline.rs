//! What happened and when, told at the end: [`Notes`] and [`Timeline`].

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use keytide::{Event, EventKind, Observe};
use tokio::time::Instant;

/// Something that happened.
pub(crate) enum Note {
    /// The issuer has written a token.
    Written,
    /// The issuer is in an outage.
    Outage(&'static str),
    /// The agent tells of an event.
    Event(EventKind),
}

/// Where notes are written down. Clones write to the same timeline.
#[derive(Clone)]
pub(crate) struct Notes {
    start: Instant,
    sender: Sender<(Duration, Note)>,
}

/// Where notes are read.
pub(crate) struct Timeline {
    receiver: Receiver<(Duration, Note)>,
}

impl Notes {
    pub(crate) fn new(start: Instant) -> (Self, Timeline) {
        let (sender, receiver) = mpsc::channel();
        (Self { start, sender }, Timeline { receiver })
    }

    pub(crate) fn tell(&self, note: Note) {
        // Nobody reads it once the run is over.
        let _ = self.sender.send((self.start.elapsed(), note));
    }

    /// What an agent is built with. It lives until the agent, its caches and its clients are gone.
    pub(crate) fn observer(&self) -> impl Observe + use<> {
        let notes = self.clone();
        move |event: &Event| notes.tell(Note::Event(event.kind.clone()))
    }
}

impl Timeline {
    /// Prints what was told, once all who tell are gone.
    pub(crate) fn print(self) {
        let mut notes = Vec::new();
        while let Ok(note) = self.receiver.recv_timeout(PATIENCE) {
            notes.push(note);
        }
        notes.sort_by_key(|(at, _)| *at);

        println!("\ntimeline, in seconds since the start");
        let mut written = Duration::ZERO;
        for (at, note) in notes {
            let line = match note {
                Note::Written => {
                    written = at;
                    continue;
                }
                Note::Outage(what) => Some(format!("-- outage: {what}")),
                Note::Event(event) => described(&event, at.saturating_sub(written)),
            };
            if let Some(line) = line {
                println!("{:7.3}  {line}", at.as_secs_f64());
            }
        }
    }
}

/// One line for an event, if it is one for this timeline.
fn described(event: &EventKind, since_written: Duration) -> Option<String> {
    let line = match event {
        EventKind::Issued {
            generation,
            lifetime,
            ..
        } => format!(
            "generation {generation}: {:.1} ms after it was written, lasts {:.1} s",
            since_written.as_secs_f64() * 1e3,
            lifetime.unwrap_or(Duration::MAX).as_secs_f64()
        ),
        EventKind::Unchanged { generation } => {
            format!("generation {generation} unchanged: looked ahead of expiry, nothing newer yet")
        }
        EventKind::Failed {
            message,
            remaining,
            next_attempt,
            ..
        } => format!(
            "refresh failed, {}, {}: {message}",
            match remaining {
                Some(left) => format!("the token at hand lasts {:.1} s", left.as_secs_f64()),
                None => "no token is at hand".to_owned(),
            },
            match next_attempt {
                Some(after) => format!("next in {:.1} s", after.as_secs_f64()),
                None => "next when the file changes".to_owned(),
            }
        ),
        EventKind::Rejected { generation, .. } => {
            format!("generation {generation} was refused by the API")
        }
        EventKind::Expired { generation } => format!("generation {generation} expired"),
        EventKind::Revoked { residual_exposure } => format!(
            "revoked here; the issuer accepts it for {:.1} s more",
            residual_exposure.as_secs_f64()
        ),
        EventKind::Terminated {
            reason: Some(reason),
        } => format!("the agent ended: {reason:?}"),
        EventKind::Lost { events } => format!("{events} events were lost"),
        _ => return None,
    };
    Some(line)
}

/// How long to wait for the next note at the end, should somebody keep the agent alive.
const PATIENCE: Duration = Duration::from_secs(2);
