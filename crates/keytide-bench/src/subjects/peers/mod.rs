//! What people use today, each set up as its documentation recommends and read on the path that its users take.

mod aws;
mod azure;
mod gcp_auth;
mod google;
mod moka;
mod object_store;
mod reqsign;

use std::time::Duration;

use crate::entrant::Entrant;

/// All of them, by name.
pub(crate) fn all() -> Vec<Entrant> {
    vec![
        aws::entrant(),
        azure::entrant(),
        gcp_auth::entrant(),
        google::entrant(),
        moka::entrant(),
        object_store::entrant(),
        reqsign::entrant(),
    ]
}

/// How long before its end a token is replaced, for those that leave it to us: half its life where that is shorter.
fn margin(lifetime: Duration, usual: Duration) -> Duration {
    if lifetime > usual {
        usual
    } else {
        lifetime / 2
    }
}
