//! A destination that refuses what many just sent.

use shuttle::future::block_on;
use shuttle::thread;

use super::explore;
use super::kit::{Behaviour, Issuer, settle, whole};
use crate::ErrorKind;

#[test]
fn a_rejection_storm_costs_one_refresh() {
    explore(|| reject_all_at_once(Behaviour::Mints));
}

#[test]
fn a_rejection_storm_against_an_issuer_that_vouches_costs_one_refresh() {
    explore(|| reject_all_at_once(Behaviour::Repeats));
}

fn reject_all_at_once(behaviour: Behaviour) {
    let issuer = Issuer {
        behaviour,
        ..Issuer::default()
    };
    let (agent, cache) = issuer.cache();
    block_on(cache.get()).unwrap();

    let refused: Vec<_> = (0..3)
        .map(|_| {
            let cache = cache.clone();
            thread::spawn(move || block_on(cache.rejected(1, "https://a.example")))
        })
        .collect();
    let others = thread::spawn({
        let cache = cache.clone();
        move || {
            for _ in 0..2 {
                cache.read(whole).unwrap();
                let elsewhere = block_on(cache.sender().need("https://b.example").get());
                whole(&elsewhere.unwrap());
            }
        }
    });

    for refused in refused {
        let answer = refused.join().unwrap().map(|credential| whole(&credential));
        match behaviour {
            Behaviour::Mints => assert_eq!(answer.unwrap(), 2),
            _ => assert_eq!(answer.unwrap_err().kind(), ErrorKind::Rejected),
        }
    }
    others.join().unwrap();
    // One who is late.
    let late = block_on(cache.rejected(1, "https://a.example"));
    assert_eq!(late.is_ok(), behaviour == Behaviour::Mints);
    settle(&agent);
    assert_eq!(issuer.calls(), 2);
}
