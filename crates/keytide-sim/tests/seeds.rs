//! A few worlds, and whether a seed decides all that happens in one.

use keytide_sim::{Settings, Trouble, Without, run, shrink, silence_meant_panics};

const SHORT: Settings = Settings {
    hours: 6,
    caches: 20,
    without: NOTHING,
};
const NOTHING: Without = Without::NOTHING;

#[test]
fn ten_seeds_break_no_rule_of_the_contract() {
    silence_meant_panics();
    for seed in 0..10 {
        let run = run(seed, SHORT, false);

        assert_eq!(run.violation, None, "seed {seed}");
        assert!(run.steps > 1000, "seed {seed}: {} steps", run.steps);
    }
}

#[test]
fn a_seed_decides_all_that_happens() {
    silence_meant_panics();
    for seed in [3, 5, 8] {
        let (one, other) = (run(seed, SHORT, true), run(seed, SHORT, true));

        let differ = one.lines.iter().zip(&other.lines).find(|(a, b)| a != b);
        if let Some((one, other)) = differ {
            panic!("seed {seed} differs:\n{one}\n{other}");
        }
        assert_eq!(one.lines.len(), other.lines.len(), "seed {seed}");
        assert_eq!(one.digest, other.digest, "seed {seed}");
    }
}

#[test]
fn what_is_left_out_changes_no_more_than_that() {
    silence_meant_panics();
    let without = Without::parse("steps,rejections").expect("two kinds");
    assert_eq!(without.to_string(), "steps,rejections");
    assert!(without.leaves_out(Trouble::Steps));
    assert!(!without.leaves_out(Trouble::Claims));

    let calm = run(1, Settings { without, ..SHORT }, true);

    let refusals = calm
        .lines
        .iter()
        .any(|line| line.to_string().contains("Refuses"));
    assert!(!refusals, "an origin refused");
    assert_eq!(Without::parse("nonsense"), Err("nonsense".to_owned()));
}

#[test]
fn what_breaks_no_rule_is_not_shrunk() {
    silence_meant_panics();
    let tiny = Settings {
        hours: 1,
        caches: 1,
        without: NOTHING,
    };

    assert_eq!(shrink(1, tiny, "none"), tiny);
}
