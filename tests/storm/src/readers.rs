//! Readers of all forms, each judged by what it read before.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use keytide_core::{Credential, Error, Handle};

use crate::chance::Chance;
use crate::house::{Cell, House};
use crate::oracle::{Before, Form, Oracle, Seen};
use crate::time::instant;

/// One reader of one house for a while: it keeps a handle to each cache, and what it saw of it.
pub(crate) struct Reader {
    house: Arc<House>,
    oracle: Arc<Oracle>,
    chance: Chance,
    known: Vec<(Handle, Seen)>,
}

impl Reader {
    pub(crate) fn new(house: Arc<House>, oracle: &Arc<Oracle>, chance: Chance) -> Self {
        let known = house
            .cells
            .iter()
            .map(|cell| (cell.cache.handle(), Seen::default()));
        let known = known.collect();
        Self {
            house,
            oracle: Arc::clone(oracle),
            chance,
            known,
        }
    }

    /// Whether what it reads has ended. It goes on for a while, to see that nothing comes back.
    pub(crate) fn is_done(&mut self) -> bool {
        self.house.cells.iter().all(Cell::may_have_ended) && self.chance.one_in(3)
    }

    /// Reads, or disturbs, one cache in one way.
    pub(crate) fn at_once(&mut self) {
        let place = usize::try_from(self.chance.below(self.known.len() as u64)).unwrap_or(0);
        let (cell, (handle, seen)) = (&self.house.cells[place], &mut self.known[place]);
        let oracle = &*self.oracle;
        let before = Before::reading(cell);
        let form = Form::AtOnce;
        match self.chance.below(1000) {
            0..400 => {
                let read = handle.read(|credential| seen.read(oracle, cell, &before, credential));
                told(read, seen, oracle, cell, form);
            }
            400..800 => {
                let read = cell
                    .cache
                    .read(|credential| seen.read(oracle, cell, &before, credential));
                told(read, seen, oracle, cell, form);
            }
            800..900 => {
                let got = cell.cache.try_get();
                judge(got.as_deref(), seen, oracle, cell, &before, form);
            }
            900..940 => {
                let read = cell.cache.sender().read(ORIGIN, |credential| {
                    seen.read(oracle, cell, &before, credential);
                });
                told(read, seen, oracle, cell, Form::ForOrigin);
            }
            940..970 => {
                let got = cell.cache.get_blocking(Duration::from_millis(20));
                judge(got.as_deref(), seen, oracle, cell, &before, form);
            }
            970..980 => handle.release(),
            980..990 => drop(cell.cache.status()),
            990..994 => {
                if let Ok(generation) = cell.cache.read(Credential::generation) {
                    // The report counts from the call on; nobody waits for what comes of it.
                    drop(cell.cache.rejected(generation, ORIGIN));
                }
            }
            994..995 => {
                if self.chance.one_in(5)
                    && let Ok(generation) = cell.cache.read(Credential::generation)
                {
                    cell.invalidate(generation);
                }
            }
            _ => poll_once_and_drop(cell),
        }
    }

    /// Waits for one cache in one way.
    pub(crate) async fn waiting(&mut self) {
        let place = usize::try_from(self.chance.below(self.known.len() as u64)).unwrap_or(0);
        let (cell, (_, seen)) = (&self.house.cells[place], &mut self.known[place]);
        let oracle = &*self.oracle;
        let before = Before::reading(cell);
        let start = instant();
        let (got, form) = match self.chance.below(100) {
            0..50 => {
                let got = cell.cache.need().within(PATIENCE).get().await;
                (got, Form::Waits)
            }
            50..60 => {
                let patience = self.chance.millis(1, 50);
                let got = cell.cache.need().within(patience).get().await;
                (got, Form::AtOnce)
            }
            60..75 => {
                let sender = cell.cache.sender();
                let got = sender.need(ORIGIN).get();
                match tokio::time::timeout(PATIENCE, got).await {
                    Ok(got) => (got, Form::ForOrigin),
                    Err(_) => return,
                }
            }
            75..85 => {
                // A caller that gives up at any point.
                let patience = self.chance.millis(0, 30);
                match tokio::time::timeout(patience, cell.cache.get()).await {
                    Ok(got) => (got, Form::AtOnce),
                    Err(_) => return,
                }
            }
            85..88 => {
                let refreshed = cell.cache.refresh_now();
                let _ = tokio::time::timeout(self.chance.millis(0, 200), refreshed).await;
                return;
            }
            88..91 => {
                if let Ok(generation) = cell.cache.read(Credential::generation) {
                    let answered = cell.cache.rejected(generation, ORIGIN);
                    let _ = tokio::time::timeout(self.chance.millis(0, 200), answered).await;
                }
                return;
            }
            91..95 => {
                let mut changes = cell.cache.changes();
                let _ = tokio::time::timeout(self.chance.millis(0, 200), changes.next()).await;
                return;
            }
            95..97 => {
                let _ = self.house.agent().warm_up(self.chance.millis(1, 200)).await;
                return;
            }
            _ => {
                tokio::time::sleep(self.chance.millis(0, 20)).await;
                return;
            }
        };
        if start.elapsed() > PATIENCE + LATE {
            oracle.complain(&format!("{cell}: a wait took {:?}", start.elapsed()));
        }
        judge(got.as_deref(), seen, oracle, cell, &before, form);
    }
}

/// A reader's wait that is left at once, with a waker that does nothing.
fn poll_once_and_drop(cell: &Cell) {
    let mut got = pin!(cell.cache.get());
    let _ = got.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

fn judge(
    got: Result<&Credential, &Error>,
    seen: &mut Seen,
    oracle: &Oracle,
    cell: &Cell,
    before: &Before,
    form: Form,
) {
    match got {
        Ok(credential) => seen.read(oracle, cell, before, credential),
        Err(error) => seen.failed(oracle, cell, form, error),
    }
}

fn told(read: Result<(), Error>, seen: &Seen, oracle: &Oracle, cell: &Cell, form: Form) {
    if let Err(error) = read {
        seen.failed(oracle, cell, form, &error);
    }
}

/// What refuses now and then.
const ORIGIN: &str = "https://api.example";
/// Longer than anything here takes an issuer that does not fail.
const PATIENCE: Duration = Duration::from_secs(10);
const LATE: Duration = Duration::from_secs(5);
