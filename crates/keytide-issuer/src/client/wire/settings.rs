//! What a client was told: [`Settings`].

use std::time::Duration;

use super::proxies::Proxies;
use super::roots::Roots;
use crate::client::names::Names;

#[derive(Clone)]
pub(in crate::client) struct Settings {
    pub(in crate::client) connect_timeout: Duration,
    pub(in crate::client) answer_timeout: Duration,
    pub(in crate::client) roots: Roots,
    pub(in crate::client) proxies: Proxies,
    pub(in crate::client) names: Names,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(20),
            roots: Roots::of_machine(),
            proxies: Proxies::environment(),
            names: Names::system(),
        }
    }
}
