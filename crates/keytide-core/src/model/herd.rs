//! Many callers on an empty cache.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::explore;
use super::kit::{Behaviour, Issuer, settle, whole};
use crate::sync::step;
use crate::{Cache, Credential, Error, ErrorKind};

#[test]
fn a_herd_costs_one_call_and_nobody_waits_for_ever() {
    explore(|| {
        let (issuer, agent, cache) = empty(Behaviour::Mints);
        let herd: Vec<_> = (0..3).map(|_| getter(&cache)).collect();
        // What a read in passing sets off is the same call.
        let _ = cache.try_get().map(|credential| whole(&credential));

        for getter in herd {
            assert_eq!(whole(&getter.join().unwrap().unwrap()), 1);
        }
        settle(&agent);
        assert_eq!(issuer.calls(), 1);
    });
}

#[test]
fn a_leader_that_gives_up_costs_the_herd_nothing() {
    explore(|| {
        let (issuer, agent, cache) = empty(Behaviour::Mints);
        let left = cache.clone();
        let leader = thread::spawn(move || {
            let mut get = pin!(left.get());
            for _ in 0..thread_rng().gen_range(1..4) {
                if get
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_ready()
                {
                    break;
                }
                step();
            }
        });
        let herd: Vec<_> = (0..2).map(|_| getter(&cache)).collect();

        leader.join().unwrap();
        for getter in herd {
            assert_eq!(whole(&getter.join().unwrap().unwrap()), 1);
        }
        settle(&agent);
        assert_eq!(issuer.calls(), 1);
    });
}

#[test]
fn a_herd_shares_one_failure() {
    explore(|| {
        let (issuer, agent, cache) = empty(Behaviour::Fails);
        let herd: Vec<_> = (0..3).map(|_| getter(&cache)).collect();

        for getter in herd {
            let error = getter.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert_eq!(error.message(), "call 1 failed");
        }
        settle(&agent);
        assert_eq!(issuer.calls(), 1);
    });
}

#[test]
fn whoever_watches_from_before_the_first_call_is_told_of_its_generation() {
    explore(|| {
        let (_issuer, agent, cache) = empty(Behaviour::Mints);
        let mut changes = cache.changes();
        let getter = getter(&cache);
        if thread_rng().r#gen() {
            block_on(cache.get()).unwrap();
            settle(&agent);
        }

        assert_eq!(block_on(changes.next()), Some(1));
        getter.join().unwrap().unwrap();
    });
}

/// In half of the schedules the first poll is made in the reader who leads, sometimes with the answer.
fn empty(behaviour: Behaviour) -> (Issuer, crate::Agent, Cache) {
    let polls: [&[usize]; 3] = [&[0], &[1], &[3]];
    let issuer = Issuer {
        polls: polls[thread_rng().gen_range(0..3)],
        at_once: thread_rng().r#gen(),
        behaviour,
        ..Issuer::default()
    };
    let (agent, cache) = issuer.cache();
    (issuer, agent, cache)
}

fn getter(cache: &Cache) -> JoinHandle<Result<Arc<Credential>, Error>> {
    let cache = cache.clone();
    thread::spawn(move || block_on(cache.get()))
}
