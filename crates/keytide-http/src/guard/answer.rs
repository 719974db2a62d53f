//! What an answer says of the credential that it answers, and what is reported of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use http_body::Body;
use keytide_core::Credential;

use super::{Guard, Trip};
use crate::attach::{Answer, Remedy};
use crate::peek::{ResponseBody, peek};
use crate::refusal::{Look, MOST_OF_A_BODY, Refusal, body_blames, look};

/// What is to be done about an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is the response.
    Fine,
    /// It refuses the credential.
    Refused(Refusal),
    /// It refuses how the credential was attached.
    AttachAgain,
}

impl Guard {
    /// What an answer says, by status and headers. `None`: its body must be looked at.
    pub(crate) fn finding(
        &self,
        trip: &Trip,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Finding> {
        self.learn_clock(trip, headers);
        let looked = look(status, headers);
        if self.profile.wants_answers() {
            if matches!(status.as_u16(), 400 | 401 | 403) {
                return None;
            }
            self.ask_attach(trip, status, headers, None);
        }
        match looked {
            Look::No => Some(Finding::Fine),
            Look::Yes(refusal) => Some(Finding::Refused(refusal)),
            Look::AtBody => None,
        }
    }

    /// Whether an answer is the response and nothing is to be done about it, as most are.
    #[cfg(feature = "tower")]
    #[inline]
    pub(crate) fn is_fine(&self, trip: &Trip, status: StatusCode, headers: &HeaderMap) -> bool {
        matches!(self.finding(trip, status, headers), Some(Finding::Fine))
    }

    /// Looks at the body too, as far as its length is known, and gives it back whole.
    pub(crate) async fn finding_of_body<B: Body + Unpin>(
        &self,
        trip: &Trip,
        status: StatusCode,
        headers: &HeaderMap,
        body: B,
    ) -> (Finding, ResponseBody<B>) {
        let (bytes, body) = peek(body, MOST_OF_A_BODY).await;
        let bytes = bytes.as_deref();
        if self.profile.wants_answers()
            && self.ask_attach(trip, status, headers, bytes) == Remedy::AttachAgain
        {
            return (Finding::AttachAgain, body);
        }
        let blames = || bytes.is_some_and(|bytes| body_blames(status, headers, bytes));
        let finding = match look(status, headers) {
            Look::Yes(refusal) => Finding::Refused(refusal),
            Look::AtBody if blames() => Finding::Refused(Refusal { claims: None }),
            Look::AtBody | Look::No => Finding::Fine,
        };
        (finding, body)
    }

    /// Reports that the destination refused the credential. The report counts from the call on; the future waits for a
    /// newer one.
    pub(crate) fn report(
        &self,
        trip: &Trip,
        refusal: &Refusal,
        limit: Option<Duration>,
    ) -> impl Future<Output = Option<Arc<Credential>>> + Send + use<> {
        let answer = self.sender.rejected(
            trip.generation,
            self.to(trip.to).origin(),
            refusal.claims.as_deref(),
            Some(self.patience(limit)),
        );
        async move { answer.await.ok() }
    }

    /// Tells observers of uses what became of a request.
    #[inline]
    pub(crate) fn tell_use(&self, trip: &mut Trip, status: Option<StatusCode>) {
        if let Some(mut told) = trip.told.take() {
            told.status = status;
        }
    }

    fn ask_attach(
        &self,
        trip: &Trip,
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
    ) -> Remedy {
        let origin = self.to(trip.to).origin();
        self.kept
            .answered(&Answer::new(origin, status, headers, body))
    }
}
