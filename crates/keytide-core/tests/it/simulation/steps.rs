//! A wall clock that steps about, on a machine that sleeps now and then.

use std::time::{Duration, SystemTime};

use keytide_core::{Cache, Clock, Credential};
use keytide_testkit::{Answer, TestClock};
use proptest::prelude::*;

use super::issuer::{Calls, Issuer, MIN_INTERVAL, TICKS, cache, cases, millis, seconds, simulate};

/// What becomes of the time.
#[derive(Debug, Clone, Copy)]
enum Step {
    Advance(Duration),
    Suspend(Duration),
    Forward(Duration),
    Back(Duration),
    To1970,
    ToTheTruth,
}

/// How the issuer says when a token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    TheLifetime,
    /// By a clock of its own, which it shows.
    TheInstant,
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn any_steps_of_the_wall_clock_never_serve_the_expired_and_cost_bounded_calls(
        life in prop_oneof![2..=60_u64, 60..=2 * 3600_u64],
        latency in 0..=1000_u64,
        says in prop_oneof![2 => Just(Says::TheLifetime), 1 => Just(Says::TheInstant)],
        steps in prop::collection::vec(any_step(), 1..30),
    ) {
        let (life, latency) = (seconds(life), millis(latency));
        simulate(async |clock| Case::new(clock, life, latency, says).run(&steps).await);
    }
}

struct Case {
    clock: TestClock,
    calls: Calls,
    cache: Cache,
    life: Duration,
    latency: Duration,
    says: Says,
}

impl Case {
    fn new(clock: TestClock, life: Duration, latency: Duration, says: Says) -> Self {
        let (calls, truth) = (Calls::default(), truth(clock.since_boot(), &clock));
        let decide = move |_, now: Duration| match says {
            Says::TheLifetime => Answer::token(life).after(latency),
            Says::TheInstant => Answer::token_until(truth + now + life)
                .issuer_clock(truth + now)
                .after(latency),
        };
        let cache = cache(&clock, Issuer::new(&clock, &calls, decide), |cache| cache);
        Self {
            clock,
            calls,
            cache,
            life,
            latency,
            says,
        }
    }

    async fn run(self, steps: &[Step]) {
        let zero = truth(self.clock.since_boot(), &self.clock);
        let (mut most_calls, mut stepped) = (2.0, 0);
        for step in steps {
            match *step {
                Step::Advance(time) => {
                    self.advance(time).await;
                    // Half a life is used at least.
                    let used = (self.life.saturating_sub(self.latency) / 2).max(MIN_INTERVAL);
                    most_calls += time.as_secs_f64() / used.as_secs_f64();
                }
                Step::Suspend(time) => self.clock.suspend(time),
                Step::Forward(time) => self.clock.step_forward(time),
                Step::Back(time) => self.clock.step_back(time),
                Step::To1970 => self.clock.set_wall(SystemTime::UNIX_EPOCH),
                Step::ToTheTruth => self.clock.set_wall(zero + self.clock.since_boot()),
            }
            // One for the step, and one in place of a call that the machine slept through.
            most_calls += 2.0;
            stepped += 1;
            self.read();
            self.get().await;
        }

        // One call within the minimum interval for a step that ends a life at once, for others none.
        let list = self.calls.list();
        let hasty = list
            .windows(2)
            .filter(|pair| pair[1].start - pair[0].start < MIN_INTERVAL)
            .count();
        assert!(
            hasty <= stepped,
            "{hasty} calls within the minimum interval, {stepped} steps: {list:#?}"
        );
        // A wall clock that is ahead of the issuer's leaves as much less of a token that ends at an instant.
        if self.says == Says::TheLifetime {
            let calls = self.calls.count() as f64;
            assert!(
                calls <= most_calls,
                "{calls} calls, not {most_calls}: {:#?}",
                list
            );
        }
    }

    /// Reads all the while.
    async fn advance(&self, time: Duration) {
        let end = self.clock.since_boot() + time;
        while self.clock.since_boot() < end {
            tokio::time::sleep((time / 20).max(millis(100))).await;
            self.read();
        }
    }

    /// What is served is good by either clock.
    fn read(&self) {
        if let Ok(credential) = self.cache.try_get() {
            self.judge(&credential);
        }
    }

    /// A healthy issuer's credential is to be had whatever the clocks did.
    async fn get(&self) {
        match self.cache.get().await {
            Ok(credential) => self.judge(&credential),
            // An answer that came while the machine slept may have ended in its sleep; and by a clock that is ahead of
            // the issuer's every answer may have ended.
            Err(_) if self.life <= seconds(60) || self.says == Says::TheInstant => {}
            Err(error) => panic!("{error}: {:#?}", self.calls.list()),
        }
    }

    fn judge(&self, credential: &Credential) {
        let (wall, boot) = (self.clock.wall(), self.clock.since_boot());
        let token = String::from_utf8_lossy(credential.expose_bearer("to find its call").unwrap())
            .into_owned();
        let number = token
            .trim_start_matches("token-")
            .parse()
            .expect("a number");
        let call = self.calls.minted(number).expect("the call that minted it");
        // How late the answer was does not show in the issuer's clock.
        let unseen = match self.says {
            Says::TheLifetime => Duration::ZERO,
            Says::TheInstant => self.latency + TICKS,
        };
        assert!(
            boot < call.start + self.life + unseen,
            "{token} served past its life"
        );
        let end = credential.expires_at().expect("it expires");
        assert!(
            wall < end,
            "{token} served at {wall:?}, it ended at {end:?}"
        );
    }
}

/// Where the wall clock would stand at the boot clock's zero.
fn truth(boot: Duration, clock: &TestClock) -> SystemTime {
    clock.wall() - boot
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_span().prop_map(Step::Advance),
        2 => any_span().prop_map(Step::Suspend),
        2 => any_span().prop_map(Step::Forward),
        2 => any_span().prop_map(Step::Back),
        1 => Just(Step::To1970),
        1 => Just(Step::ToTheTruth),
    ]
}

/// Of any order of magnitude, up to five hours.
fn any_span() -> impl Strategy<Value = Duration> {
    (0.0..=(5.0 * 3_600_000.0_f64).ln()).prop_map(|order| millis(order.exp() as u64))
}
