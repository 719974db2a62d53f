//! What an answer says of the credential that it answers, and what is reported of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use keytide_core::Credential;

use super::{Attempt, Guard};
use crate::attach::{Answer, Remedy};
use crate::refusal::{Blame, Refusal, blame, body_blames};

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
    /// What an answer says, by status and headers. `None`: its body must be blame at.
    pub(crate) fn verdict(
        &self,
        attempt: &Attempt,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Verdict> {
        self.learn_clock(attempt, headers);
        let blamed = blame(status, headers);
        if self.profile.wants_answers() {
            if matches!(status.as_u16(), 400 | 401 | 403) {
                return None;
            }
            self.ask_attach(attempt, status, headers, None);
        }
        match blamed {
            Blame::Elsewhere => Some(Verdict::Fine),
            Blame::Credential(refusal) => Some(Verdict::Refused(refusal)),
            Blame::InBody => None,
        }
    }

    /// What an answer says whose body was blame at; no bytes where that could not be.
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
        match blame(status, headers) {
            Blame::Credential(refusal) => Verdict::Refused(refusal),
            Blame::InBody if blames() => Verdict::Refused(Refusal { claims: None }),
            Blame::InBody | Blame::Elsewhere => Verdict::Fine,
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
        if let Some(mut pending) = attempt.pending.take() {
            pending.status = status;
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
