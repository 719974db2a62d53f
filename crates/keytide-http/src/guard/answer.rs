//! What an answer says of the credential that it answers, and what is reported of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use keytide_core::Credential;

use super::{Attempt, Guard};
use crate::attach::{Answer, Remedy};
use crate::refusal::{Look, Refusal, body_blames, look};

/// What is to be done about an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the response.
    Fine,
    /// It refuses the credential.
    Refused(Refusal),
    /// It refuses how the credential was attached.
    AttachAgain,
}

impl Guard {
    /// What an answer says, by status and headers. `None`: its body must be looked at.
    pub(crate) fn verdict(
        &self,
        attempt: &Attempt,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Verdict> {
        self.learn_clock(attempt, headers);
        let looked = look(status, headers);
        if self.profile.wants_answers() {
            if matches!(status.as_u16(), 400 | 401 | 403) {
                return None;
            }
            self.ask_attach(attempt, status, headers, None);
        }
        match looked {
            Look::No => Some(Verdict::Fine),
            Look::Yes(refusal) => Some(Verdict::Refused(refusal)),
            Look::AtBody => None,
        }
    }

    /// What an answer says whose body was looked at; no bytes where that could not be.
    pub(crate) fn verdict_of_body(
        &self,
        attempt: &Attempt,
        status: StatusCode,
        headers: &HeaderMap,
        bytes: Option<&[u8]>,
    ) -> Verdict {
        if self.profile.wants_answers()
            && self.ask_attach(attempt, status, headers, bytes) == Remedy::AttachAgain
        {
            return Verdict::AttachAgain;
        }
        let blames = || bytes.is_some_and(|bytes| body_blames(status, headers, bytes));
        match look(status, headers) {
            Look::Yes(refusal) => Verdict::Refused(refusal),
            Look::AtBody if blames() => Verdict::Refused(Refusal { claims: None }),
            Look::AtBody | Look::No => Verdict::Fine,
        }
    }

    /// Reports that the destination refused the credential. The report counts from the call on; the future waits for a
    /// newer one.
    pub(crate) fn report(
        &self,
        attempt: &Attempt,
        refusal: &Refusal,
        limit: Option<Duration>,
    ) -> impl Future<Output = Option<Arc<Credential>>> + Send + use<> {
        let answer = self.sender.rejected(
            attempt.generation,
            self.to(attempt.to).origin(),
            refusal.claims.as_deref(),
            Some(self.patience(limit)),
        );
        async move { answer.await.ok() }
    }

    /// Tells observers of uses what became of a request.
    #[inline]
    pub(crate) fn tell_use(&self, attempt: &mut Attempt, status: Option<StatusCode>) {
        if let Some(mut told) = attempt.told.take() {
            told.status = status;
        }
    }

    fn ask_attach(
        &self,
        attempt: &Attempt,
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
    ) -> Remedy {
        let origin = self.to(attempt.to).origin();
        self.prepared
            .answered(&Answer::new(origin, status, headers, body))
    }
}
