//! What the layer that sends credentials tells observers: uses, and requests that it refused.

use super::Cache;
use crate::error::text::bounded;
use crate::event::EventKind;

impl Cache {
    /// Whether somebody observes each use: otherwise count them, and tell with [`report_uses`](Self::report_uses).
    #[inline]
    #[must_use]
    pub fn observes_uses(&self) -> bool {
        self.shared.context.sink.wants_uses()
    }

    /// Tells observers of uses that a request was sent with this credential. The path comes without its query.
    pub fn report_use(
        &self,
        generation: u64,
        destination: &str,
        method: &str,
        path: &str,
        status: Option<u16>,
    ) {
        if self.observes_uses() {
            self.report(EventKind::Used {
                generation,
                destination: bounded(destination).into_owned(),
                method: bounded(method).into_owned(),
                path: bounded(path).into_owned(),
                status,
            });
        }
    }

    /// Tells observers how many requests were sent with this generation.
    pub fn report_uses(&self, generation: u64, uses: u64) {
        self.report(EventKind::UsesCounted { generation, uses });
    }

    /// Tells observers that a request was refused by a rule before it was sent.
    pub fn report_refused(&self, destination: &str, rule: &'static str) {
        self.report(EventKind::Refused {
            destination: bounded(destination).into_owned(),
            rule,
        });
    }

    fn report(&self, kind: EventKind) {
        let context = &self.shared.context;
        if !context.sink.is_empty() {
            context.emit(self.shared.principal().as_ref(), kind);
        }
    }
}
