//! Whom to trust, read once and again: [`Trust`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keytide_core::Error;
use keytide_fork::PerProcess;
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use super::roots::{Print, Roots};
use crate::one_at_a_time::OneAtATime;

/// The root certificates as they were read last.
///
/// Reading them takes tens of milliseconds, so it is done when TLS is first needed, and again only when a peer is not
/// trusted: then if their files have changed, or if it was a while ago, for not every change can be seen.
pub(in crate::client) struct Trust {
    roots: Arc<Roots>,
    /// Held for one look or change. A forked child reads its own: its parent may have held it.
    read: PerProcess<Mutex<Option<Read>>>,
    /// Reading them may hang with their files.
    reading: OneAtATime<(), Result<Option<Read>, Error>>,
}

/// What was read.
#[derive(Debug, Clone)]
struct Read {
    trusted: Trusted,
    print: Arc<Print>,
    at: Instant,
}

/// How TLS is spoken.
#[derive(Debug, Clone)]
pub(super) struct Trusted {
    pub(super) config: Arc<ClientConfig>,
    /// Counts how often they were read.
    number: u64,
}

impl Trust {
    pub(super) fn new(roots: Roots) -> Self {
        Self {
            roots: Arc::new(roots),
            read: PerProcess::new(),
            reading: OneAtATime::new(),
        }
    }

    /// As it was read last, or now if it never was.
    pub(super) async fn current(&self) -> Result<Trusted, Error> {
        if let Some(read) = self.last() {
            return Ok(read.trusted);
        }
        match self.read_after(None).await? {
            Some(trusted) => Ok(trusted),
            None => Err(Error::unavailable("the root certificates were not read")),
        }
    }

    /// What is trusted now, where that may be more than `former`, which did not do.
    pub(super) async fn newer(&self, former: &Trusted) -> Result<Option<Trusted>, Error> {
        match self.last() {
            Some(read) if read.trusted.number == former.number => self.read_after(Some(read)).await,
            Some(read) => Ok(Some(read.trusted)),
            None => self.current().await.map(Some),
        }
    }

    async fn read_after(&self, former: Option<Read>) -> Result<Option<Trusted>, Error> {
        let roots = Arc::clone(&self.roots);
        let now = Instant::now();
        let job = move || {
            let print = Arc::new(roots.print());
            let number = match &former {
                Some(former) if !former.is_worth_another(&print, now) => return Ok(None),
                Some(former) => former.trusted.number + 1,
                None => 0,
            };
            let config = roots.read()?;
            let trusted = Trusted { config, number };
            let at = now;
            Ok(Some(Read { trusted, print, at }))
        };
        let read = self.reading.run((), job).await.map_err(|error| {
            Error::unavailable("the root certificates were not read").caused_by(error)
        })??;
        let Some(read) = read else {
            return Ok(None);
        };
        let mut last = self.lock();
        // Of two that were read at once, the later one stays.
        if last
            .as_ref()
            .is_none_or(|last| last.trusted.number < read.trusted.number)
        {
            *last = Some(read);
        }
        Ok(last.as_ref().map(|last| last.trusted.clone()))
    }

    fn last(&self) -> Option<Read> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Read>> {
        let mutex = self.read.get();
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read {
    /// Whether the files are others now, or may be.
    fn is_worth_another(&self, print: &Print, now: Instant) -> bool {
        *self.print != *print || now.saturating_duration_since(self.at) >= AGE
    }
}

/// After so long they are read again for a peer that is not trusted, though their files look the same: the stores of some
/// platforms have no files.
const AGE: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Some certificate authority.
    fn authority() -> String {
        keytide_testkit::server::TestCa::new().root_pem().to_owned()
    }

    fn trusting(file: &std::path::Path) -> Trust {
        let mut roots = Roots::of_machine();
        roots.leave_out_machine();
        roots.add_file(file.to_owned());
        Trust::new(roots)
    }

    #[tokio::test(start_paused = true)]
    async fn roots_are_read_again_when_their_file_is_another_one_or_after_five_minutes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("roots.pem");
        fs::write(&file, authority()).unwrap();
        let trust = trusting(&file);
        let first = trust.current().await.unwrap();

        assert!(trust.newer(&first).await.unwrap().is_none());
        fs::write(&file, authority() + &authority()).unwrap();
        let second = trust.newer(&first).await.unwrap().unwrap();
        assert!(!Arc::ptr_eq(&first.config, &second.config));
        // Who still has the first is given what there is.
        let told = trust.newer(&first).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&told.config, &second.config));
        assert!(trust.newer(&second).await.unwrap().is_none());

        tokio::time::advance(AGE - Duration::from_millis(1)).await;
        assert!(trust.newer(&second).await.unwrap().is_none());
        tokio::time::advance(Duration::from_millis(1)).await;
        let third = trust.newer(&second).await.unwrap().unwrap();
        assert!(!Arc::ptr_eq(&third.config, &second.config));
        let current = trust.current().await.unwrap();
        assert!(Arc::ptr_eq(&current.config, &third.config));
        assert!(trust.newer(&third).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn roots_that_cannot_be_read_name_their_file_and_what_was_read_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("roots.pem");
        let trust = trusting(&file);
        let missing = trust.current().await.unwrap_err();
        assert!(
            missing.to_string().contains("roots.pem is not there"),
            "{missing}"
        );
        fs::write(&file, "nothing").unwrap();
        let wrong = trust.current().await.unwrap_err();
        assert!(wrong.to_string().contains("roots.pem are not"), "{wrong}");
        assert_eq!(wrong.kind(), keytide_core::ErrorKind::Misconfigured);

        fs::write(&file, "\u{feff}".to_owned() + &authority()).unwrap();
        let first = trust.current().await.unwrap();
        fs::write(&file, "half a").unwrap();
        trust.newer(&first).await.unwrap_err();

        let current = trust.current().await.unwrap();
        assert!(Arc::ptr_eq(&current.config, &first.config));
    }
}
