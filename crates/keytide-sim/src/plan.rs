//! What a seed makes of a world, before anything happens in it: [`Plan`].

use std::time::Duration;

use crate::rng::{Part, Rng};
use crate::settings::{Settings, Trouble, Without};

/// A world as its seed decides it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) agents: usize,
    pub(crate) issuers: Vec<IssuerPlan>,
    pub(crate) caches: Vec<CachePlan>,
    pub(crate) moves: Vec<(Duration, Move)>,
    pub(crate) origins: Vec<OriginPlan>,
}

/// An issuer, and how it fares.
#[derive(Debug, Clone)]
pub(crate) struct IssuerPlan {
    pub(crate) signing: bool,
    pub(crate) life: Duration,
    /// Says when a credential ends, by its own clock; else how long it lasts.
    pub(crate) says_when: bool,
    /// The usual time for an answer, in milliseconds.
    pub(crate) latency: u64,
    /// Wants to be asked again after this share of a life, in percent.
    pub(crate) hint: Option<u64>,
    pub(crate) limit: usize,
    pub(crate) answers_at_once: bool,
    /// How many answers of a hundred do not say for whom they are.
    pub(crate) unnamed: u64,
    /// What it makes of claims.
    pub(crate) chokes: bool,
    /// From when on it fares how; from the start of the world on.
    pub(crate) timeline: Vec<(Duration, Condition)>,
}

/// How an issuer fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    Up,
    Down,
    Hangs,
    /// Asks for so many seconds of patience.
    Throttles(u64),
    Refuses,
    Repeats,
    Late,
    OtherPrincipal,
    Expired,
    Panics,
    CallsBack,
}

/// One cache, and who reads it.
#[derive(Debug, Clone)]
pub(crate) struct CachePlan {
    pub(crate) agent: usize,
    pub(crate) issuer: usize,
    /// What is set, if it is.
    pub(crate) min_interval: Option<Duration>,
    pub(crate) flight_limit: Duration,
    pub(crate) idle_after: Option<Duration>,
    pub(crate) static_stability: Option<Duration>,
    pub(crate) accepts_other: bool,
    /// How many calls it allows its issuer at a time.
    pub(crate) limit: usize,
    pub(crate) readers: u64,
}

/// A destination, and how often it refuses.
#[derive(Debug, Clone)]
pub(crate) struct OriginPlan {
    /// Of a hundred generations.
    pub(crate) refuses: u64,
    /// Refuses all, between these two instants.
    pub(crate) for_ever: (Duration, Duration),
    pub(crate) claims: bool,
}

/// What happens to the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Move {
    Forward(Duration),
    Back(Duration),
    To1970,
    ToTheTruth,
    Suspend(Duration),
}

impl Plan {
    pub(crate) fn new(seed: u64, settings: Settings) -> Self {
        let rng = Rng::of(seed, Part::World, 0);
        let agents = rng.within(1, 3) as usize;
        let count = rng.within(2, 6);
        let issuers: Vec<_> = (0..count)
            .map(|index| IssuerPlan::new(seed, index, settings))
            .collect();
        let caches = (0..settings.caches as u64)
            .map(|index| CachePlan::new(seed, index, agents, &issuers))
            .collect();
        let span = settings.span();
        Self {
            seed,
            settings,
            agents,
            issuers,
            caches,
            moves: moves(seed, span, settings.without),
            origins: (0..3).map(|index| OriginPlan::new(seed, index)).collect(),
        }
    }
}

impl IssuerPlan {
    fn new(seed: u64, index: u64, settings: Settings) -> Self {
        let rng = Rng::of(seed, Part::Issuer, index);
        let life = rng.weighted(&[
            (2, (2_000, 10_000)),
            (3, (10_000, 300_000)),
            (3, (300_000, 3_600_000)),
            (2, (3_600_000, 43_200_000)),
        ]);
        let life = rng.magnitude(life.0, life.1);
        let latency = rng.weighted(&[(1, 0), (4, 50), (3, 400), (1, 1500)]);
        Self {
            signing: rng.percent(40),
            life,
            says_when: rng.percent(50),
            latency: latency.min(life.as_millis() as u64 / 8),
            hint: rng.percent(15).then(|| rng.within(5, 90)),
            limit: rng.weighted(&[(2, 1), (2, 2), (2, 4), (4, 10)]),
            answers_at_once: rng.percent(30),
            chokes: rng.percent(50),
            unnamed: rng.weighted(&[(3, 0), (1, 10), (1, 100)]),
            timeline: timeline(seed, index, life, settings),
        }
    }

    /// How it fares at this instant of the world.
    pub(crate) fn condition(&self, at: Duration) -> Condition {
        let next = self.timeline.partition_point(|(from, _)| *from <= at);
        next.checked_sub(1)
            .map_or(Condition::Up, |index| self.timeline[index].1)
    }

    /// Whether it answers well all the while.
    pub(crate) fn is_up(&self, from: Duration, to: Duration) -> bool {
        let first = self.timeline.partition_point(|(at, _)| *at <= from);
        self.condition(from) == Condition::Up
            && self.timeline[first..]
                .iter()
                .take_while(|(at, _)| *at <= to)
                .all(|(_, condition)| *condition == Condition::Up)
    }
}

/// Good and bad times by turns.
fn timeline(
    seed: u64,
    index: u64,
    life: Duration,
    settings: Settings,
) -> Vec<(Duration, Condition)> {
    let rng = Rng::of(seed, Part::Timeline, index);
    let life = life.as_millis() as u64;
    let mut timeline = Vec::new();
    // Some are down when the world begins.
    let mut at = if rng.percent(25) {
        Duration::ZERO
    } else {
        rng.magnitude(1_000, 4 * 3_600_000)
    };
    while at < settings.span() {
        let condition = rng.weighted(&[
            (5, Condition::Down),
            (3, Condition::Hangs),
            (
                2,
                Condition::Throttles(rng.magnitude(1, 4000).as_millis() as u64),
            ),
            (3, Condition::Refuses),
            (4, Condition::Repeats),
            (2, Condition::Late),
            (2, Condition::OtherPrincipal),
            (1, Condition::Expired),
            (1, Condition::Panics),
            (2, Condition::CallsBack),
        ]);
        let lasts = rng.magnitude(1_000, (life * 2).clamp(60_000, 3 * 3_600_000));
        if !settings.without.leaves_out(condition.trouble()) {
            timeline.push((at, condition));
            timeline.push((at + lasts, Condition::Up));
        }
        at += lasts + rng.magnitude(30_000, 4 * 3_600_000);
    }
    timeline
}

impl Condition {
    fn trouble(self) -> Trouble {
        match self {
            Self::Up | Self::Down => Trouble::Outages,
            Self::Hangs => Trouble::Hangs,
            Self::Throttles(_) => Trouble::Throttles,
            Self::Refuses => Trouble::Refusals,
            Self::Repeats => Trouble::Repeats,
            Self::Late => Trouble::Late,
            Self::OtherPrincipal => Trouble::Principals,
            Self::Expired => Trouble::Expired,
            Self::Panics => Trouble::Panics,
            Self::CallsBack => Trouble::Callbacks,
        }
    }
}

impl CachePlan {
    fn new(seed: u64, index: u64, agents: usize, issuers: &[IssuerPlan]) -> Self {
        let rng = Rng::of(seed, Part::Cache, index);
        let issuer = rng.below(issuers.len() as u64) as usize;
        let stable = rng.percent(60).then(|| rng.magnitude(5_000, 3_600_000));
        Self {
            agent: rng.below(agents as u64) as usize,
            issuer,
            min_interval: rng
                .weighted(&[
                    (6, None),
                    (1, Some(1000)),
                    (1, Some(300)),
                    (1, Some(2000)),
                    (1, Some(5000)),
                ])
                .map(Duration::from_millis),
            flight_limit: Duration::from_secs(rng.weighted(&[(7, 30), (2, 5), (1, 60)])),
            idle_after: rng.percent(20).then(|| rng.magnitude(5_000, 7_200_000)),
            static_stability: stable.filter(|_| issuers[issuer].signing),
            accepts_other: rng.percent(25),
            limit: match rng.below(4) {
                0 => rng.within(1, 4) as usize,
                _ => issuers[issuer].limit,
            },
            readers: rng.weighted(&[(3, 1), (2, 2), (1, 4)]),
        }
    }
}

impl OriginPlan {
    fn new(seed: u64, index: u64) -> Self {
        let rng = Rng::of(seed, Part::Origin, index);
        let from = rng.magnitude(60_000, 20 * 3_600_000);
        Self {
            refuses: rng.weighted(&[(2, 0), (3, 5), (2, 30)]),
            for_ever: (from, from + rng.magnitude(60_000, 2 * 3_600_000)),
            claims: rng.percent(50),
        }
    }
}

fn moves(seed: u64, span: Duration, without: Without) -> Vec<(Duration, Move)> {
    let rng = Rng::of(seed, Part::Clock, 0);
    // Half of the worlds have clocks that behave.
    let count = if rng.percent(50) {
        0
    } else {
        rng.within(1, 12)
    };
    let mut moves = Vec::new();
    for _ in 0..count {
        let at = rng.magnitude(60_000, 24 * 3_600_000);
        let by = rng.magnitude(500, 5 * 3_600_000);
        let what = rng.weighted(&[
            (3, Move::Forward(by)),
            (3, Move::Back(by)),
            (1, Move::To1970),
            (2, Move::ToTheTruth),
            (4, Move::Suspend(by)),
        ]);
        let trouble = match what {
            Move::Suspend(_) => Trouble::Suspends,
            _ => Trouble::Steps,
        };
        if at < span && !without.leaves_out(trouble) {
            moves.push((at, what));
        }
    }
    moves.sort_by_key(|(at, _)| *at);
    moves
}
