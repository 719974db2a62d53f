//! The clocks of destinations, as far as their answers tell.

use std::time::SystemTime;

use http::HeaderMap;
use http::header::DATE;

use super::{Attempt, Guard};
use crate::destination::Allowed;

impl Guard {
    /// Now, by the clock of a destination.
    pub(super) fn clock_of(&self, to: &Allowed) -> SystemTime {
        to.clock().at(self.sender.now())
    }

    /// Learns from the `Date` of an answer, which came over TLS or from this machine.
    pub(super) fn learn_clock(&self, attempt: &Attempt, headers: &HeaderMap) {
        let Some(sent) = attempt.sent else {
            return;
        };
        let shown = headers
            .get(DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        if let Some(shown) = shown {
            let clock = self.to(attempt.to).clock();
            clock.showed(shown, sent, self.sender.now());
        }
    }
}
