//! The issuer: writes tokens into a directory as kubelet does, and has two outages: [`Issuer`].
//!
//! It runs on a thread of its own and tells the agent nothing: all that the two share is the directory. What it tells
//! the timeline is for the reader of the output.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use keytide::{Clock, SystemClock};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::timeline::{Note, Notes};
use crate::token::{Signer, Verifier};
use crate::volume::{self, Volume};

/// Issues tokens until it is dropped.
pub(crate) struct Issuer {
    /// Dropped first, before the directory goes.
    _stop: mpsc::Sender<()>,
    verifier: Arc<Verifier>,
    revoked: Revocations,
    directory: TempDir,
}

/// From when on each token is refused although it has not expired. Issuer and API share it.
#[derive(Clone, Default)]
pub(crate) struct Revocations {
    /// Held for one look or one change.
    by_id: Arc<Mutex<HashMap<String, Instant>>>,
}

/// What the issuer does.
#[derive(Clone, Copy)]
enum Step {
    /// Writes a new token.
    Token,
    /// Does nothing, although a token is due.
    Hang,
    /// Writes an empty file.
    Empty,
    /// Writes the first half of a token.
    Torn,
}

impl Issuer {
    /// Writes the first token, as kubelet does before it starts the pod, and goes on from there.
    pub(crate) fn start(
        start: Instant,
        notes: Notes,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let signer = Signer::new()?;
        let (stop, stopped) = mpsc::channel();
        let issuer = Self {
            _stop: stop,
            verifier: Arc::new(signer.verifier()),
            revoked: Revocations::default(),
            directory: tempfile::Builder::new().prefix("quickstart-").tempdir()?,
        };
        let mut writer = Writer {
            signer,
            revoked: issuer.revoked.clone(),
            volume: Volume::at(issuer.directory.path()),
            notes,
            tokens: 0,
            outage: false,
        };
        writer.take(Step::Token)?;
        thread::Builder::new()
            .name("issuer".to_owned())
            .spawn(move || {
                for (millis, step) in PLAN {
                    let at = start + Duration::from_millis(*millis);
                    let pause = at.saturating_duration_since(Instant::now());
                    if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                    if let Err(error) = writer.take(*step) {
                        eprintln!("quickstart: the issuer could not write: {error}");
                        return;
                    }
                }
            })?;
        Ok(issuer)
    }

    /// The file that holds the token.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join(volume::NAME)
    }

    pub(crate) fn verifier(&self) -> Arc<Verifier> {
        Arc::clone(&self.verifier)
    }

    pub(crate) fn revocations(&self) -> Revocations {
        self.revoked.clone()
    }
}

impl Revocations {
    pub(crate) fn covers(&self, id: &str) -> bool {
        let by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        by_id.get(id).is_some_and(|from| Instant::now() >= *from)
    }

    fn add(&self, id: String, from: Instant) {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        by_id.insert(id, from);
    }
}

struct Writer {
    signer: Signer,
    revoked: Revocations,
    volume: Volume,
    notes: Notes,
    tokens: u32,
    outage: bool,
}

impl Writer {
    fn take(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Token => {
                let former = id(self.tokens);
                self.tokens += 1;
                let token = self.token();
                self.volume.publish(&token)?;
                self.notes.tell(Note::Written);
                // Whoever still sends the former one by then is refused.
                self.revoked.add(former, Instant::now() + OVERLAP);
                self.outage = false;
            }
            Step::Hang => self.outage("the issuer writes nothing, although a token is due"),
            Step::Empty => {
                self.volume.publish("")?;
                self.outage("the issuer writes empty files and halves of tokens");
            }
            Step::Torn => {
                let token = self.token();
                self.volume.publish(&token[..token.len() / 2])?;
            }
        }
        Ok(())
    }

    fn outage(&mut self, what: &'static str) {
        if !std::mem::replace(&mut self.outage, true) {
            self.notes.tell(Note::Outage(what));
        }
    }

    fn token(&self) -> String {
        self.signer
            .mint(&id(self.tokens), LIFETIME, SystemClock::default().wall())
    }
}

fn id(number: u32) -> String {
    format!("token-{number}")
}

/// How long each token lives.
pub(crate) const LIFETIME: Duration = Duration::from_secs(6);
/// How long the former token is accepted beside the new one.
const OVERLAP: Duration = Duration::from_secs(1);

/// What it does after the first token, and when, in milliseconds from the start. A token is due every two seconds.
#[rustfmt::skip]
const PLAN: &[(u64, Step)] = &[
    ( 2_000, Step::Token),
    ( 4_000, Step::Token),
    ( 6_000, Step::Hang),
    ( 8_600, Step::Token),
    (10_600, Step::Token),
    (12_600, Step::Token),
    (14_600, Step::Empty),
    (15_100, Step::Torn),
    (15_600, Step::Empty),
    (16_100, Step::Torn),
    (16_600, Step::Empty),
    (17_200, Step::Token),
    (19_200, Step::Token),
];
