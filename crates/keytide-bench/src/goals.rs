//! The goals of keytide's engine, each in one place: a run judges itself by them, and so does whatever else measures the engine.
//!
//! A ratio is to the same primitive with the coarse clock, for a read that does not look at a clock cannot tell that a credential
//! is dead. What the bare load takes differs from one processor to the next by more than the clock does.

use crate::figure::figure;

/// What is measured, and what it should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    measure: &'static str,
    bound: Bound,
    unit: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    const fn at_most(measure: &'static str, limit: f64, unit: &'static str) -> Self {
        Self {
            measure,
            bound: Bound::AtMost(limit),
            unit,
        }
    }

    const fn at_least(measure: &'static str, limit: f64, unit: &'static str) -> Self {
        Self {
            measure,
            bound: Bound::AtLeast(limit),
            unit,
        }
    }

    /// What is measured.
    #[must_use]
    pub fn measure(&self) -> &'static str {
        self.measure
    }

    /// The same of one of several: `hanging, keytide: reads that wait`.
    #[must_use]
    pub fn measure_of(&self, which: &str) -> String {
        if which.is_empty() {
            self.measure.to_owned()
        } else {
            format!("{which}: {}", self.measure)
        }
    }

    /// The unit of what is measured, as [`figure`](crate::figure) takes it.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        self.unit
    }

    /// What it should be, such as `≤ 1.10 ×`.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self.bound {
            Bound::AtMost(0.0) => "0".to_owned(),
            Bound::AtMost(limit) => format!("≤ {}", figure(limit, self.unit)),
            Bound::AtLeast(limit) => format!("≥ {}", figure(limit, self.unit)),
        }
    }

    /// Whether a value reaches it; the bound does.
    #[must_use]
    pub fn met(&self, value: f64) -> bool {
        match self.bound {
            Bound::AtMost(limit) => value <= limit,
            Bound::AtLeast(limit) => value >= limit,
        }
    }
}

macro_rules! targets {
    ($($(#[$doc:meta])* $name:ident = $bound:ident($measure:literal, $limit:literal, $unit:literal);)*) => {
        $($(#[$doc])* pub const $name: Target = Target::$bound($measure, $limit, $unit);)*

        /// All of them.
        pub const ALL: &[Target] = &[$($name),*];
    };
}

targets! {
    /// A read of what is at hand, borrowed.
    BORROWED = at_most("borrowed read, × ArcSwap::load + coarse clock", 1.1, "×");
    /// A read by a task's own handle.
    HANDLE = at_most("per-task handle, × arc_swap::Cache + coarse clock", 1.15, "×");
    /// A read that is owned.
    OWNED = at_most("get().await, × ArcSwap::load + coarse clock", 1.95, "×");
    /// The read that looks at both clocks.
    SLOW = at_most("slow path, once a second, × ArcSwap::load + coarse clock", 7.1, "×");
    /// On the heap, of each form of a read.
    READ_ALLOCATIONS = at_most("allocations of a read", 0.0, "");
    /// By callgrind.
    INSTRUCTIONS = at_most("instructions of the borrowed read", 120.0, "");
    /// What a second thread costs the first.
    SLOWDOWN = at_most("two threads: slowdown of the borrowed read, × that of ArcSwap::load + coarse clock", 1.1, "×");
    /// Throughput.
    RATE = at_least("two threads: borrowed reads per second, × the best peer", 15.0, "×");
    /// While a refresh runs, hangs or fails.
    WAITED = at_most("reads that wait while a refresh runs", 0.0, "");
    /// The same.
    FAILED = at_most("reads that fail while a refresh runs", 0.0, "");
    /// The same, with the time that it takes to take the time.
    TAIL = at_most("p99.9 of the borrowed read while a refresh runs, × the baseline", 2.0, "×");
    /// Past the end of a credential.
    DEAD = at_most("reads that get a dead credential", 0.0, "");
    /// Of readers that come at once.
    CALLS = at_most("calls of a herd", 1.0, "");
    /// Ten thousand readers of an empty cache.
    COLD_HERD = at_most("cold herd: last served, × the issuer's latency", 1.1, "×");
    /// A thousand readers, and an issuer that fails.
    FAILING_HERD = at_most("failing herd: all told, × the issuer's latency", 1.05, "×");
    /// The first reader is dropped.
    LEADER_DROPPED = at_most("leader dropped: last served, × the issuer's latency", 1.05, "×");
    /// Readers that wait for half of what the issuer takes.
    IMPATIENT = at_most("impatient readers: last served, × the issuer's latency", 1.05, "×");
    /// One backoff, one latency, and the pace of the reader.
    RECOVERY = at_most("recovery from an outage, a refusal or an expiry, the worst", 1_060.0, "ms");
    /// Readers that state a patience.
    PATIENCE = at_most("an outage shorter than a reader's patience: failed reads", 0.0, "");
    /// Of an empty cache, and of a loaded one beside its secret.
    HEAP = at_most("heap of each of many credentials, beside its secret", 448.0, "B");
    /// What is at rest has no task.
    TASKS = at_most("tasks of many credentials at rest", 0.0, "");
    /// At most 100,000 of them.
    IDLE = at_most("idle CPU of many credentials", 0.02, "%");
    /// From an issuer that answers at once.
    FIRST_LOAD = at_most("first load, × reqsign-core", 1.0, "×");
    /// With 100,000 caches, and with the flights that it started.
    DRIVER = at_most("longest poll of the driver, the median", 1.0, "ms");
    /// Less a latency of the issuer.
    HOME = at_most("a home that is not polled, or ends in mid-flight: served after", 1.5, "s");
    /// Of one client.
    WARM_SCOPE = at_most("a warm scope beside a cold one: reads that wait", 0.0, "");
    /// Of the client's thread.
    HTTP_TIME = at_most("HTTP: CPU time added over a fixed header", 0.1, "µs");
    /// Of the client's thread.
    HTTP_ALLOCATIONS = at_most("HTTP: allocations added over a fixed header", 0.0, "");
    /// CPU time.
    SIGNATURE = at_most("a signature of SigV4, × aws-sigv4", 0.85, "×");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_met_by_itself_and_by_what_is_on_its_better_side() {
        assert!(BORROWED.met(1.1) && BORROWED.met(0.5) && !BORROWED.met(1.101));
        assert!(RATE.met(15.0) && RATE.met(16.0) && !RATE.met(14.9));
        assert!(WAITED.met(0.0) && !WAITED.met(0.001));
        assert!(!BORROWED.met(f64::NAN) && !RATE.met(f64::NAN));
    }

    #[test]
    fn a_goal_is_shown_with_its_bound_and_unit() {
        assert_eq!(BORROWED.wanted(), "≤ 1.10 ×");
        assert_eq!(RATE.wanted(), "≥ 15.0 ×");
        assert_eq!(HEAP.wanted(), "≤ 448 B");
        assert_eq!(WAITED.wanted(), "0");
        assert_eq!(
            WAITED.measure_of("hanging, keytide"),
            "hanging, keytide: reads that wait while a refresh runs"
        );
    }

    #[test]
    fn no_two_goals_measure_the_same() {
        for (index, one) in ALL.iter().enumerate() {
            for other in &ALL[index + 1..] {
                assert_ne!(one.measure(), other.measure());
            }
        }
    }
}
