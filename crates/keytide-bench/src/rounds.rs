//! Interleaved rounds: [`Rounds`].

use crate::report::apart;
use crate::stats::median;
use crate::subject::{Subject, nanos_each};
use crate::threads::contended;

/// What several subjects cost, measured by turns: every round measures each of them once.
#[derive(Debug, Clone)]
pub struct Rounds {
    names: Vec<String>,
    /// By round, then by subject.
    nanos: Vec<Vec<f64>>,
}

impl Rounds {
    /// Measures reads on this thread, in CPU time. The first round warms up and is not counted.
    #[must_use]
    pub fn of_reads(subjects: &[&dyn Subject], rounds: usize, reads: u64) -> Self {
        Self::of(&names(subjects), rounds, |index| {
            nanos_each(subjects[index], reads)
        })
    }

    /// Measures reads on several threads at a time, one pinned to each of these cores, in CPU time.
    #[must_use]
    pub fn of_contended_reads(
        subjects: &[&dyn Subject],
        cores: &[usize],
        rounds: usize,
        reads: u64,
    ) -> Self {
        Self::of(&names(subjects), rounds, |index| {
            contended(subjects[index], cores, reads)
        })
    }

    /// Measures anything that has a name and a cost. Each round begins with another one, so that none always comes
    /// after the same neighbour.
    #[must_use]
    pub fn of(names: &[String], rounds: usize, cost: impl FnMut(usize) -> f64) -> Self {
        Self::of_while(names, rounds, cost, |_| true)
    }

    /// The same, for as long as `go_on` says so before each round.
    #[must_use]
    pub fn of_while(
        names: &[String],
        rounds: usize,
        mut cost: impl FnMut(usize) -> f64,
        mut go_on: impl FnMut(usize) -> bool,
    ) -> Self {
        let count = names.len();
        let mut nanos = Vec::with_capacity(rounds);
        for round in 0..=rounds {
            if !go_on(round) {
                break;
            }
            let mut costs = vec![0.0; count];
            for turn in 0..count {
                let index = (round + turn) % count;
                costs[index] = cost(index);
            }
            if round > 0 {
                nanos.push(costs);
            }
        }
        Self {
            names: names.to_vec(),
            nanos,
        }
    }

    /// The median cost, in nanoseconds; `NaN` for a name that was not measured.
    #[must_use]
    pub fn nanos(&self, name: &str) -> f64 {
        self.median_of(|round| Some(round[self.index(name)?]))
    }

    /// How much dearer a subject is than another: the median of the ratios within each round.
    #[must_use]
    pub fn ratio(&self, name: &str, base: &str) -> f64 {
        self.median_of(|round| Some(round[self.index(name)?] / round[self.index(base)?]))
    }

    /// How far the ratios of the odd rounds are from those of the even ones: 0.1 is ten per cent. `NaN` of less than
    /// four rounds.
    #[must_use]
    pub fn spread(&self, name: &str, base: &str) -> f64 {
        let (Some(name), Some(base)) = (self.index(name), self.index(base)) else {
            return f64::NAN;
        };
        if self.nanos.len() < 4 {
            return f64::NAN;
        }
        let (odd, even) = self.halves(|round| round[name] / round[base]);
        apart(odd, even)
    }

    /// The same for what a subject costs more than the base.
    pub(crate) fn spread_of_added(&self, name: &str, base: &str) -> f64 {
        let (Some(name), Some(base)) = (self.index(name), self.index(base)) else {
            return f64::NAN;
        };
        if name == base || self.nanos.len() < 4 {
            return f64::NAN;
        }
        let (odd, even) = self.halves(|round| round[name] / round[base] - 1.0);
        apart(odd, even)
    }

    fn halves(&self, value: impl Fn(&[f64]) -> f64) -> (f64, f64) {
        let half = |odd: usize| {
            let rounds = self.nanos.iter().skip(odd).step_by(2);
            median(&rounds.map(|round| value(round)).collect::<Vec<f64>>())
        };
        (half(0), half(1))
    }

    /// The cost in each round: its number, from 1, and nanoseconds.
    #[must_use]
    pub fn samples(&self, name: &str) -> Vec<(f64, f64)> {
        let Some(index) = self.index(name) else {
            return Vec::new();
        };
        let rounds = self.nanos.iter().enumerate();
        rounds
            .map(|(number, round)| ((number + 1) as f64, round[index]))
            .collect()
    }

    fn median_of(&self, value: impl Fn(&[f64]) -> Option<f64>) -> f64 {
        let values: Vec<f64> = self.nanos.iter().filter_map(|round| value(round)).collect();
        median(&values)
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }
}

fn names(subjects: &[&dyn Subject]) -> Vec<String> {
    subjects
        .iter()
        .map(|subject| subject.name().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    #[test]
    fn the_ratio_is_taken_within_a_round() {
        let mut calls = 0_u32;
        // The machine gets slower from round to round; b is twice as dear as a within each.
        let rounds = Rounds::of(&two(), 4, |index| {
            let speed = f64::from(1 + calls / 2);
            calls += 1;
            speed * [1.0, 2.0][index]
        });

        assert_eq!(rounds.ratio("b", "a"), 2.0);
        assert_eq!(rounds.ratio("a", "a"), 1.0);
        assert_eq!(rounds.nanos("a"), 3.5);
    }

    #[test]
    fn each_round_begins_with_another_subject_and_the_first_is_not_counted() {
        let mut order = Vec::new();
        let rounds = Rounds::of(&two(), 2, |index| {
            order.push(index);
            order.len() as f64
        });

        assert_eq!(order, [0, 1, 1, 0, 0, 1]);
        assert_eq!(rounds.nanos("a"), 4.5, "the rounds cost 4 and 5");
        assert_eq!(rounds.nanos("b"), 4.5, "the rounds cost 3 and 6");
    }

    #[test]
    fn the_spread_is_the_distance_of_the_odd_and_the_even_rounds() {
        let mut calls = 0;
        // b is twice as dear as a in the even rounds, three times in the odd ones.
        let rounds = Rounds::of(&two(), 8, |index| {
            let round = calls / 2;
            calls += 1;
            [1.0, if round % 2 == 0 { 2.0 } else { 3.0 }][index]
        });

        assert_eq!(rounds.spread("b", "a"), 0.5);
        assert!(Rounds::of(&two(), 2, |_| 1.0).spread("b", "a").is_nan());
    }

    #[test]
    fn a_run_that_is_stopped_keeps_the_rounds_it_had() {
        let rounds = Rounds::of_while(&two(), 10, |_| 1.0, |round| round < 4);

        assert_eq!(
            rounds.samples("a").len(),
            3,
            "the first of four is not counted"
        );
    }

    #[test]
    fn an_unknown_name_has_no_cost() {
        let rounds = Rounds::of(&two(), 1, |_| 1.0);

        assert!(rounds.nanos("c").is_nan());
        assert!(rounds.ratio("a", "c").is_nan());
    }
}
