//! Readers, and the origins that they send to.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use keytide_core::{Credential, CredentialKind, Error, Handle};

use super::{Live, World, lock, words};
use crate::oracle::{Now, Seen, Start, nanos};
use crate::rng::{Part, Rng};
use crate::settings::Trouble;
use crate::trace::Want;

/// What a reader does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    TryGet,
    Read,
    Handle,
    Get,
    Burst,
    For,
    Within,
    ReadFor,
    Origin,
    ByName,
    Invalidate,
    Change,
    Status,
}

/// A reader of one slot, for as long as the world lives: reads in a row, then a pause.
pub(super) async fn read(world: Arc<World>, slot: usize, number: u64) {
    let rng = Rng::of(world.plan.seed, Part::Reader, number);
    let life = world.plan.issuers[world.plan.caches[slot].issuer].life;
    let life = life.as_millis() as u64;
    let mut reader = Reader {
        world,
        slot,
        number,
        rng,
        handle: None,
    };
    tokio::time::sleep(reader.rng.magnitude(1, 600_000)).await;
    while !reader.world.is_over() {
        let pace = reader.rng.magnitude((life / 60).max(5), (life / 2).max(10));
        for _ in 0..reader.rng.within(1, 50) {
            reader.step().await;
            let pause = reader.rng.within(1, 2 * pace.as_millis() as u64);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if reader.world.is_over() {
                return;
            }
        }
        tokio::time::sleep(reader.rng.magnitude(10_000, 3 * 3_600_000)).await;
    }
}

struct Reader {
    world: Arc<World>,
    slot: usize,
    number: u64,
    rng: Rng,
    handle: Option<(usize, Handle)>,
}

impl Reader {
    async fn step(&mut self) {
        let step = self.rng.weighted(&[
            (18, Step::TryGet),
            (10, Step::Read),
            (10, Step::Handle),
            (20, Step::Get),
            (2, Step::Burst),
            (6, Step::For),
            (6, Step::Within),
            (6, Step::ReadFor),
            (14, Step::Origin),
            (2, Step::ByName),
            (2, Step::Invalidate),
            (1, Step::Change),
            (5, Step::Status),
        ]);
        let Some(live) = self.world.live(self.slot) else {
            return;
        };
        let leaves_out = |trouble| self.world.plan.settings.without.leaves_out(trouble);
        let step = match step {
            Step::ByName if leaves_out(Trouble::Names) => Step::Get,
            Step::Invalidate if leaves_out(Trouble::Invalidations) => Step::Get,
            Step::Change if leaves_out(Trouble::Changes) => Step::Get,
            step => step,
        };
        self.do_(step, live).await;
    }

    async fn do_(&mut self, step: Step, live: Live) {
        let cache = live.cache.clone();
        match step {
            Step::TryGet => {
                let start = self.asks(&live, Want::Read);
                let result = cache.try_get();
                self.tell(&live, &start, result.as_deref());
            }
            Step::Read => {
                let start = self.asks(&live, Want::Read);
                let result = cache.read(|credential| seen(credential, live.id));
                self.told(&live, &start, result);
            }
            Step::Handle => self.read_by_handle(&live),
            Step::Get => {
                let _ = self.wait(&live, Want::Get, cache.get()).await;
            }
            Step::Burst => self.burst(&live).await,
            Step::For => {
                let least = self.rng.magnitude(100, 3_600_000);
                let _ = self
                    .wait(&live, Want::For(least), cache.need().lasting(least).get())
                    .await;
            }
            Step::Within => {
                let patience = self.rng.magnitude(1, 60_000);
                let asking = cache.need().within(patience).get();
                let _ = self.wait(&live, Want::Within(patience), asking).await;
            }
            Step::ReadFor => {
                let origin = self.origin();
                let start = self.asks(&live, Want::ReadFor(origin));
                let result = cache
                    .sender()
                    .read(&name(origin), |read| seen(read, live.id));
                self.told(&live, &start, result);
            }
            Step::Origin => self.send(&live).await,
            Step::ByName => {
                let _ = self.wait(&live, Want::ByName, cache.refresh_now()).await;
            }
            Step::Invalidate => {
                let known = cache.status().generation;
                let generation = known.saturating_sub(self.rng.below(6) / 5);
                self.world.invalidate(&live, generation);
            }
            Step::Change => {
                let notifier = lock(&self.world.notifiers)[live.id].clone();
                if let Some(notifier) = notifier {
                    notifier.notify();
                    self.world.oracle().input_changed(live.id, self.world.now());
                }
            }
            Step::Status => self.world.report(&live),
        }
    }

    fn read_by_handle(&mut self, live: &Live) {
        let mut handle = match self.handle.take() {
            Some((id, handle)) if id == live.id => handle,
            _ => live.cache.handle(),
        };
        let start = self.asks(live, Want::Read);
        let result = handle.read(|credential| seen(credential, live.id));
        self.told(live, &start, result);
        if self.rng.percent(20) {
            handle.release();
        }
        self.handle = Some((live.id, handle));
    }

    /// Many at once.
    async fn burst(&self, live: &Live) {
        let tasks: Vec<_> = (0..self.rng.within(2, 8))
            .map(|_| {
                let (world, live, number) = (Arc::clone(&self.world), live.clone(), self.number);
                tokio::spawn(async move {
                    let start = world.asks(&live, number, Want::Get);
                    let result = live.cache.get().await;
                    world.tell(&live, &start, result.as_deref());
                })
            })
            .collect();
        for task in tasks {
            drop(task.await);
        }
    }

    /// Sends to an origin, which may refuse what it is sent; then reports that, and goes on with what comes of it.
    async fn send(&self, live: &Live) {
        let origin = self.origin();
        let name = name(origin);
        let sent = self
            .wait(
                live,
                Want::Origin(origin),
                live.cache.sender().need(&name).get(),
            )
            .await;
        // Some refuse just while a call is under way that was sent before.
        let meanwhile = sent.is_some() && self.refuses_meanwhile(live);
        let Some(generation) =
            sent.filter(|generation| meanwhile || self.refuses(origin, live.id, *generation))
        else {
            return;
        };
        let demands = self.world.plan.origins[origin].claims
            && !self.world.plan.settings.without.leaves_out(Trouble::Claims);
        let claims = (demands && self.rng.percent(60)).then(|| origin.to_string());
        let patience = self.rng.percent(30).then(|| self.rng.magnitude(10, 60_000));
        let asking = live
            .cache
            .sender()
            .rejected(generation, &name, claims.as_deref(), patience);
        let demanded = claims.is_some();
        self.world
            .oracle()
            .refused(live.id, origin, generation, demanded, self.world.now());
        if meanwhile {
            drop(asking);
            return self.read_again(live, origin).await;
        }
        if self.rng.percent(35) {
            // Reported, and nobody waits.
            return;
        }
        if patience.is_some() {
            // Judged as a report alone: its patience is judged elsewhere.
            let start = self.asks(live, Want::Beyond(origin, generation));
            drop(asking.await);
            let now = self.world.now();
            self.world.oracle().gave_up(live.id, &start, now);
            return;
        }
        let _ = self
            .wait(live, Want::Beyond(origin, generation), asking)
            .await;
    }

    /// Looks a few times what there is for an origin that refused, while calls land.
    async fn read_again(&self, live: &Live, origin: usize) {
        for _ in 0..4 {
            tokio::time::sleep(self.rng.magnitude(100, 8_000)).await;
            let start = self.asks(live, Want::ReadFor(origin));
            let read = live
                .cache
                .sender()
                .read(&name(origin), |read| seen(read, live.id));
            self.told(live, &start, read);
        }
    }

    /// Waits for an answer, unless this reader gives up first. Returns the generation that it got.
    async fn wait<C: AsRef<Credential>>(
        &self,
        live: &Live,
        want: Want,
        asking: impl Future<Output = Result<C, Error>> + Send,
    ) -> Option<u64> {
        let start = self.asks(live, want);
        let gives_up = self.rng.percent(10).then(|| self.rng.magnitude(1, 30_000));
        let drops = !self.world.plan.settings.without.leaves_out(Trouble::Drops);
        let result = match gives_up.filter(|_| drops) {
            Some(after) => tokio::time::timeout(after, asking).await,
            None => Ok(asking.await),
        };
        let Ok(result) = result else {
            let mut oracle = self.world.oracle();
            oracle.gave_up(live.id, &start, self.world.now());
            return None;
        };
        self.tell(live, &start, result.as_ref().map(AsRef::as_ref));
        result
            .ok()
            .map(|credential| credential.as_ref().generation())
    }

    fn asks(&self, live: &Live, want: Want) -> Start {
        self.world.asks(live, self.number, want)
    }

    fn tell(&self, live: &Live, start: &Start, result: Result<&Credential, &Error>) {
        self.world.tell(live, start, result);
    }

    fn told(&self, live: &Live, start: &Start, result: Result<Seen, Error>) {
        self.world.told(live, start, result.as_ref());
    }

    fn origin(&self) -> usize {
        self.rng.below(self.world.plan.origins.len() as u64) as usize
    }

    /// Whether a call is under way, and an origin refuses all the same what that call is to replace.
    fn refuses_meanwhile(&self, live: &Live) -> bool {
        !self
            .world
            .plan
            .settings
            .without
            .leaves_out(Trouble::Rejections)
            && self.world.oracle().is_asked(live.id)
            && self.rng.percent(25)
    }

    /// Whether an origin refuses a generation: the same answer each time, but for the time in which it refuses all.
    fn refuses(&self, origin: usize, cache: usize, generation: u64) -> bool {
        let plan = &self.world.plan;
        if plan.settings.without.leaves_out(Trouble::Rejections) {
            return false;
        }
        let origin_plan = &plan.origins[origin];
        let (from, to) = origin_plan.for_ever;
        let part = (origin as u64) << 48 | (cache as u64) << 32 | generation;
        (from..to).contains(&self.world.elapsed())
            || Rng::of(plan.seed, Part::Origin, part | 1 << 60).percent(origin_plan.refuses)
    }
}

impl World {
    fn asks(&self, live: &Live, reader: u64, want: Want) -> Start {
        self.oracle().asks(live.id, reader, want, self.now())
    }

    fn tell(&self, live: &Live, start: &Start, result: Result<&Credential, &Error>) {
        let result = result.map(|credential| seen(credential, live.id));
        self.told(live, start, result.as_ref().map_err(|error| *error));
    }

    fn told(&self, live: &Live, start: &Start, result: Result<&Seen, &Error>) {
        let now: Now = self.now();
        match result {
            Ok(seen) => self.oracle().got(live.id, start, seen, now),
            Err(error) => {
                let words = words(error);
                self.oracle()
                    .failed(live.id, start, error.kind(), &words, now);
            }
        }
    }
}

/// What a reader sees of a credential.
fn seen(credential: &Credential, id: usize) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let parts: Vec<String> = match credential.kind() {
        CredentialKind::SigningKey => credential
            .expose_signing_key("to judge it")
            .map(|key| {
                let token = key.session_token.map(text).unwrap_or_default();
                vec![key.key_id.to_owned(), text(key.secret), token]
            })
            .unwrap_or_default(),
        _ => credential
            .expose_bearer("to judge it")
            .map(|token| vec![text(token)])
            .unwrap_or_default(),
    };
    let mint = |part: &str| {
        let (cache, mint) = part.get(1..)?.split_once('.')?;
        (cache.parse() == Ok(id)).then(|| mint.parse::<u64>().ok())?
    };
    let mints: Vec<_> = parts.iter().map(|part| mint(part)).collect();
    let first = mints.first().copied().flatten();
    Seen {
        generation: credential.generation(),
        mint: first.unwrap_or(0),
        whole: first.is_some() && mints.iter().all(|mint| *mint == first),
        told: credential.expires_at().map(Now::wall_of),
        other: credential.principal().map(|principal| principal == "other"),
        remaining: nanos(credential.remaining()),
    }
}

fn name(origin: usize) -> String {
    format!("https://origin-{origin}.test")
}
