//! A failing seed, made as small as it goes: [`shrink`].

use crate::settings::{Settings, Trouble};
use crate::world::run;

/// The smallest settings under which this seed still breaks this rule, as far as one pass over all of them finds.
#[must_use]
pub fn shrink(seed: u64, settings: Settings, rule: &str) -> Settings {
    let fails = |settings| {
        let violation = run(seed, settings, false).violation;
        violation.is_some_and(|violation| violation.rule == rule)
    };
    let mut smallest = settings;
    for trouble in Trouble::ALL {
        let without = smallest.without.and(trouble);
        let fewer = Settings {
            without,
            ..smallest
        };
        if without != smallest.without && fails(fewer) {
            smallest = fewer;
        }
    }
    for caches in [1, 2, 3, 5, 8, 12] {
        let fewer = Settings { caches, ..smallest };
        if caches < smallest.caches && fails(fewer) {
            smallest = fewer;
            break;
        }
    }
    for hours in [1, 2, 3, 4, 6, 9, 12, 18] {
        let shorter = Settings { hours, ..smallest };
        if hours < smallest.hours && fails(shorter) {
            smallest = shorter;
            break;
        }
    }
    smallest
}
