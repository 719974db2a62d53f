//! A use that observers are told of, whatever becomes of the request: [`PendingUse`].

use http::{Method, StatusCode};
use keytide_core::{Sender, UseReport};

/// A request that was sent where uses are observed. It is told when this is dropped: with the status of its answer, or
/// without one where the request failed, or whoever waited for it went away.
#[derive(Debug)]
pub(super) struct PendingUse {
    pub(super) sender: Sender,
    pub(super) generation: u64,
    pub(super) origin: String,
    pub(super) method: Method,
    /// Without the query.
    pub(super) path: String,
    pub(super) status: Option<StatusCode>,
}

impl Drop for PendingUse {
    fn drop(&mut self) {
        self.sender.report_use(UseReport {
            generation: self.generation,
            destination: &self.origin,
            method: self.method.as_str(),
            path: &self.path,
            status: self.status.map(|status| status.as_u16()),
        });
    }
}
