//! Caches that wait for their turn at one issuer.

use shuttle::future::block_on;
use shuttle::thread;

use super::explore;
use super::kit::{Issuer, settle, whole};
use crate::ErrorKind;

#[test]
fn a_turn_at_the_issuer_is_passed_on_whatever_becomes_of_its_holder() {
    explore(|| {
        let issuer = Issuer {
            name: Some("https://queue.example"),
            polls: &[1],
            ..Issuer::default()
        };
        let agent = issuer.agent();
        let caches = [(); 3].map(|()| issuer.cache_of(&agent));
        let getters = caches.each_ref().map(|cache| {
            let cache = cache.clone();
            thread::spawn(move || block_on(cache.get()).map(|credential| whole(&credential)))
        });
        let [revoked, ..] = &caches;
        drop(revoked.revoke());

        let [first, others @ ..] = getters.map(|getter| getter.join().unwrap());
        assert!(first.is_ok() || first.is_err_and(|error| error.kind() == ErrorKind::Revoked));
        for served in others {
            served.unwrap();
        }
        settle(&agent);
        assert!(issuer.calls() <= 3);
        assert_eq!(revoked.try_get().unwrap_err().kind(), ErrorKind::Revoked);
    });
}
