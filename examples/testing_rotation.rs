//! How to test that your agent lives through rotation: twelve hours in milliseconds, with an issuer that does as told.
//!
//! ```text
//! cargo run --example testing_rotation
//! cargo test --example testing_rotation
//! ```
//!
//! What to look at: `InvoiceReader` is the code under test, and takes the cache from outside. `shift` lets it work
//! through hours of paused time, in which tokio's timers and the library's clock move together. The tests at the end
//! are those that an agent of yours should have.

use std::ops::Range;
use std::time::Duration;

use keytide::{Agent, Cache, Error, EventKind, Reason};
use keytide_testkit::{Answer, Recorder, Script, ScriptedProvider, TestClock};

// ---------------------------------------------------------------------------------------------- the code under test

/// An agent that asks for invoices, again and again.
struct InvoiceReader {
    token: Cache,
}

impl InvoiceReader {
    /// One piece of work. Yours would send a request; this one tells by which generation.
    fn work(&self) -> Result<u64, Error> {
        self.token.read(|credential| credential.generation())
    }
}

// ---------------------------------------------------------------------------------------------- its world

/// What the agent needs around it.
struct World {
    clock: TestClock,
    script: Script,
    recorder: Recorder,
    agent: Agent,
    reader: InvoiceReader,
}

impl World {
    /// Tokens live for an hour and are replaced when 15 to 30 minutes are left, so outages of 15 minutes go unnoticed.
    async fn new() -> Result<Self, Error> {
        let clock = TestClock::new();
        let (provider, script) = ScriptedProvider::new(good());
        let recorder = Recorder::new();
        let agent = clock.agent().observe(recorder.observer()).build()?;
        let token = agent.cache(provider).advisory_window(minutes(30)).build()?;
        agent.warm_up(minutes(1)).await?;
        Ok(Self {
            clock,
            script,
            recorder,
            agent,
            reader: InvoiceReader { token },
        })
    }

    /// Works once a minute. During each outage the issuer gives that answer and no other.
    async fn shift(&self, length: Duration, outages: &[(Range<Duration>, Answer)]) -> Shift {
        let mut shift = Shift::default();
        let mut now = Duration::ZERO;
        while now < length {
            let outage = outages.iter().find(|(span, _)| span.contains(&now));
            self.script
                .always(outage.map_or_else(good, |(_, answer)| answer.clone()));
            match self.reader.work() {
                Ok(generation) => {
                    shift.done += 1;
                    shift.last_generation = generation;
                }
                Err(error) => {
                    shift.failed += 1;
                    shift.first_failure.get_or_insert((now, error));
                }
            }
            self.clock.advance(minutes(1)).await;
            now += minutes(1);
        }
        shift
    }
}

/// What came of the work.
#[derive(Debug, Default)]
struct Shift {
    done: u32,
    failed: u32,
    last_generation: u64,
    first_failure: Option<(Duration, Error)>,
}

fn good() -> Answer {
    Answer::token(minutes(60)).principal("invoice-reader")
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Error> {
    println!("twelve hours, with three short outages and one that outlasts the token:");
    let world = World::new().await?;
    let outages = [
        (minutes(125)..minutes(140), Answer::unavailable()),
        (
            minutes(245)..minutes(260),
            Answer::throttled(Some(minutes(2))),
        ),
        (minutes(365)..minutes(380), Answer::hang()),
        (minutes(480)..minutes(600), Answer::unavailable()),
    ];
    let shift = world.shift(minutes(720), &outages).await;
    let status = world.reader.token.status();

    println!("  done                 {:4} pieces of work", shift.done);
    println!("  failed               {:4}", shift.failed);
    if let Some((at, error)) = &shift.first_failure {
        println!(
            "  the first failure    at minute {}: {error}",
            at.as_secs() / 60
        );
    }
    println!("  rotations            {:4}", status.rotations);
    println!(
        "  calls of the issuer  {:4}, of which {} failed",
        world.script.calls(),
        status.failures
    );
    println!("  at a time, at most   {:4}", world.script.peak());
    println!("  last generation      {:4}", shift.last_generation);

    drop(world.agent.terminate(Reason::Finished));
    let end = world
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::Terminated { .. }));
    println!(
        "  events recorded      {:4}, the last: {:?}",
        world.recorder.events().len(),
        end.kind
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use keytide::ErrorKind;
    use keytide_testkit::Canary;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_agent_does_not_notice_outages_of_fifteen_minutes() {
        let world = World::new().await.unwrap();
        let bad = [Answer::unavailable(), Answer::refused(), Answer::hang()];

        let outages: Vec<_> = (0..12)
            .zip(bad.into_iter().cycle())
            .map(|(hour, answer)| (minutes(60 * hour + 30)..minutes(60 * hour + 45), answer))
            .collect();
        let shift = world.shift(minutes(720), &outages).await;

        assert_eq!((shift.done, shift.failed), (720, 0));
        assert!(world.reader.token.status().failures > 0);
        assert_eq!(world.script.peak(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_agent_is_told_of_a_longer_outage_and_works_again_after_it() {
        let world = World::new().await.unwrap();

        let outage = (minutes(60)..minutes(180), Answer::unavailable());
        let shift = world.shift(minutes(240), &[outage]).await;

        let (at, error) = shift.first_failure.unwrap();
        assert_eq!(error.kind(), ErrorKind::Expired);
        assert!(at > minutes(60 + 15), "at {at:?}");
        assert!(shift.done + shift.failed == 240 && shift.failed < 120);
        assert!(world.reader.work().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_agent_wakes_up_after_its_machine_slept() {
        let world = World::new().await.unwrap();
        world.shift(minutes(10), &[]).await;

        world.clock.suspend(minutes(8 * 60));

        assert_eq!(world.reader.work().unwrap_err().kind(), ErrorKind::Expired);
        world.clock.settle().await;
        assert!(world.reader.work().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_was_terminated_does_nothing_more() {
        let world = World::new().await.unwrap();

        world.agent.terminate(Reason::Compromised).await;

        assert_eq!(world.reader.work().unwrap_err().kind(), ErrorKind::Revoked);
    }

    #[tokio::test(start_paused = true)]
    async fn the_agent_logs_no_secret() {
        let canary = Canary::new();
        let world = World::new().await.unwrap();
        world.script.token_prefix(canary.secret());

        world.shift(minutes(180), &[]).await;

        assert!(!canary.was_logged());
    }
}
