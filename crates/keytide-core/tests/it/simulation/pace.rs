//! An issuer that fails in every way there is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::{Clock, ErrorKind};
use keytide_testkit::Answer;
use proptest::option;
use proptest::prelude::*;

use super::issuer::{
    Call, Calls, Issuer, MIN_INTERVAL, TICKS, cache, cases, millis, seconds, simulate,
};

/// One answer.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A new token, which lasts this long.
    Token(Duration),
    /// The last token, with its end.
    Same,
    Unavailable,
    Throttled(Option<Duration>),
    Refused,
    Hang,
    Panic,
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_failure_sort_keeps_the_pace(
        answers in prop::collection::vec(any_kind(), 1..14),
        latency in prop_oneof![Just(0), 0..=1500_u64],
        pause in 100..=1000_u64,
        waits in any::<bool>(),
    ) {
        paces(answers, millis(latency), millis(pause), waits);
    }
}

fn paces(answers: Vec<Kind>, latency: Duration, pause: Duration, waits: bool) {
    simulate(async |clock| {
        // Given an issuer that gives these answers, and good ones from then on, …
        let (calls, lives) = (Calls::default(), Lives::default());
        let turns_good = answers.len() + 1;
        let (script, at, offered) = (answers.clone(), clock.clone(), lives.clone());
        let decide = move |number: usize, now: Duration| {
            let kind = script.get(number - 1).copied().unwrap_or(Kind::Token(LIFE));
            let end = offered.offer(kind, now);
            let wall = at.wall() + end.map_or(Duration::ZERO, |end| end - now);
            let answer = match kind {
                Kind::Token(_) => Answer::token_until(wall),
                Kind::Same => Answer::same_token_until(wall),
                Kind::Unavailable => Answer::unavailable(),
                Kind::Throttled(after) => Answer::throttled(after),
                Kind::Refused => Answer::refused(),
                Kind::Hang => Answer::hang(),
                Kind::Panic => Answer::panic("as the script says"),
            };
            answer.after(latency)
        };
        let cache = cache(&clock, Issuer::new(&clock, &calls, decide), |cache| cache);

        // … when somebody reads all the while, …
        let over = |call: Option<Call>| call.is_some_and(|call| call.end.is_some());
        while !over(calls.nth(turns_good)) {
            let read = if waits {
                let read = tokio::time::timeout(LONGEST_CALL + TICKS, cache.get()).await;
                read.expect("no read waits for longer than one call may take")
            } else {
                cache.try_get()
            };
            if let Ok(credential) = read {
                assert!(!credential.remaining().is_zero(), "served past expiry");
            }
            assert!(
                clock.since_boot() < seconds(40 * 3600),
                "never asked again: {calls:#?}"
            );
            tokio::time::sleep(pause).await;
        }

        // … then each wait is as long as the sort of the failure says, …
        let (list, lives) = (calls.list(), lives.list());
        calls.assert_pace(MIN_INTERVAL, |before, call| {
            let refused = before.answer == Some(Err(ErrorKind::Refused));
            let waited = call.start.saturating_sub(before.end.unwrap_or_default());
            // The first demand after expiry, and the first pace of a refusal.
            let ended = |end: &Duration| *end > before.start && *end <= call.start + TICKS;
            // The first pauses where there is nothing to serve.
            let nth = list.iter().position(|known| known.start == before.start);
            let bare = nth.zip(before.end).is_some_and(|(nth, failed_at)| {
                left(&list[..=nth], &lives, failed_at).is_none() && waited + TICKS >= FIRST / 2
            });
            lives.iter().flatten().any(ended) || (refused && waited >= MIN_INTERVAL / 2) || bare
        });
        let mut row = Row::default();
        for (nth, pair) in list.windows(2).enumerate() {
            let failed_at = pair[0].end.expect("it has ended");
            let left = left(&list[..=nth], &lives, failed_at);
            let Some(failure) = row.note(answers[nth], &pair[0], lives[nth], left) else {
                continue;
            };
            let waited = pair[1].start - failed_at;
            let longest = row.longest(failure, left) + 2 * pause + TICKS;
            assert!(
                waited <= longest,
                "{waited:?} after {failure:?}, {row:?}, {left:?} left"
            );
            if left.is_none() {
                let shortest = row.shortest(failure);
                assert!(
                    waited + TICKS >= shortest,
                    "{waited:?} after {failure:?}, {row:?}"
                );
            }
        }
        // … and the first good answer ends it.
        cache.get().await.expect("the issuer is good");
        assert_eq!(list.len(), turns_good);
    });
}

/// When the credentials that the calls were answered with end; `None` for other answers.
#[derive(Debug, Clone, Default)]
struct Lives(Arc<Mutex<Vec<Option<Duration>>>>);

impl Lives {
    fn offer(&self, kind: Kind, now: Duration) -> Option<Duration> {
        let mut lives = self.lock();
        let last = lives.iter().rev().flatten().next().copied();
        let end = match kind {
            Kind::Token(life) => Some(now + life),
            Kind::Same => Some(last.unwrap_or(now + LIFE)),
            _ => None,
        };
        lives.push(end);
        end
    }

    fn list(&self) -> Vec<Option<Duration>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Duration>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is left at that instant of the last credential that came alive, if anything.
fn left(list: &[Call], lives: &[Option<Duration>], at: Duration) -> Option<Duration> {
    let mut came = list.iter().zip(lives).rev().filter_map(|(call, end)| {
        let (end, received) = ((*end)?, call.end?);
        (end > received).then_some(end)
    });
    came.next().filter(|end| *end > at).map(|end| end - at)
}

/// How many failures came in a row.
#[derive(Debug, Default)]
struct Row {
    failures: u32,
    refusals: u32,
    usable: bool,
}

impl Row {
    /// Counts a call. Returns which failure it was, if one.
    fn note(
        &mut self,
        kind: Kind,
        call: &Call,
        end: Option<Duration>,
        left: Option<Duration>,
    ) -> Option<Kind> {
        let failure = match (kind, end) {
            (Kind::Token(_) | Kind::Same, Some(end)) if call.end.is_some_and(|at| end > at) => {
                *self = Self::default();
                return None;
            }
            // It came expired.
            (Kind::Token(_) | Kind::Same, _) => Kind::Unavailable,
            // It was cut off before the issuer had said no.
            (Kind::Refused | Kind::Throttled(_), _) if call.answer.is_none() => Kind::Unavailable,
            (kind, _) => kind,
        };
        let same_phase = self.usable == left.is_some();
        self.failures = if same_phase { self.failures + 1 } else { 1 };
        self.usable = left.is_some();
        self.refusals = if matches!(failure, Kind::Refused) {
            self.refusals + 1
        } else {
            0
        };
        Some(failure)
    }

    /// The longest wait after a failure, with what is left of a credential.
    fn longest(&self, failure: Kind, left: Option<Duration>) -> Duration {
        let room = left.map(|left| left / 8);
        let longest = match (failure, left) {
            (Kind::Throttled(Some(_)), Some(left)) => (left / 2).min(LONGEST_THROTTLE),
            (Kind::Throttled(Some(_)), None) => LONGEST,
            (Kind::Refused, _) => doubled(self.refusals, room.unwrap_or(LONGEST_REFUSAL)),
            _ if left.is_none() => self.pause(failure),
            _ => doubled(self.failures, room.unwrap_or(LONGEST)),
        };
        longest.max(MIN_INTERVAL)
    }

    /// The shortest wait after a failure that leaves nothing to serve.
    fn shortest(&self, failure: Kind) -> Duration {
        match failure {
            Kind::Throttled(Some(asked)) => asked.clamp(MIN_INTERVAL, LONGEST),
            Kind::Refused => doubled(self.refusals, LONGEST_REFUSAL) / 2,
            _ => self.pause(failure) / 2,
        }
    }
}

impl Row {
    /// The pause after a failure that leaves nothing to serve, before it is spread over its upper half.
    fn pause(&self, failure: Kind) -> Duration {
        if matches!(failure, Kind::Throttled(_)) {
            return doubled(self.failures, LONGEST);
        }
        match self.failures {
            short @ 1..=4 => FIRST * 2_u32.pow(short - 1),
            more => doubled(more - 4, LONGEST),
        }
    }
}

/// The minimum interval, doubled with each failure after the first.
fn doubled(count: u32, most: Duration) -> Duration {
    let factor = 1_u32
        .checked_shl(count.saturating_sub(1))
        .unwrap_or(u32::MAX);
    MIN_INTERVAL.saturating_mul(factor).min(most)
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let asked = prop_oneof![
        3 => (0..=90_u64).prop_map(seconds),
        1 => Just(seconds(86_400)),
        1 => Just(Duration::MAX),
    ];
    prop_oneof![
        2 => prop_oneof![1..=10_u64, 10..=600_u64].prop_map(|life| Kind::Token(seconds(life))),
        1 => Just(Kind::Same),
        4 => Just(Kind::Unavailable),
        3 => option::of(asked).prop_map(Kind::Throttled),
        4 => Just(Kind::Refused),
        1 => Just(Kind::Hang),
        1 => Just(Kind::Panic),
    ]
}

/// The first pause where there is nothing to serve.
const FIRST: Duration = Duration::from_millis(100);
/// The longest life here.
const LIFE: Duration = Duration::from_secs(600);
/// The longest wait while there is nothing to serve.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest that a request for patience is honoured while there is.
const LONGEST_THROTTLE: Duration = Duration::from_secs(300);
/// The longest wait after a refusal.
const LONGEST_REFUSAL: Duration = Duration::from_secs(300);
/// The default of how long a call may take.
const LONGEST_CALL: Duration = Duration::from_secs(30);
