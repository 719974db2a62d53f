//! What a face does for the engine: [`Exchange`].

use std::future::Future;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::attach::Sending;
use crate::error::Error;
use crate::guard::{Attempt, Guard};

/// Exchanges requests for answers by one HTTP library: all that the engine does not know of it.
pub(crate) trait Exchange: Sync {
    type Request: Send;
    /// What another request is made of: this one as it was before a credential was attached.
    type Replay: Send;
    type Response: Send;
    type Error: From<Error> + Send;

    fn guard(&self) -> &Guard;

    /// For how long an attempt that begins now may take, where that is limited.
    fn time_left(&self) -> Option<Duration>;

    /// Hands out the parts of a request that are looked at.
    fn with<T>(
        &self,
        request: &mut Self::Request,
        use_it: impl FnOnce(&Guard, Sending<'_>) -> T,
    ) -> T;

    /// Keeps what another request would be made of, where one may come: for a retry, or for what this face does by itself.
    fn replay(&self, request: &mut Self::Request, may_retry: bool) -> Option<Self::Replay>;

    /// The same request again, after this answer; `None` where its body is gone.
    fn again(&self, replay: Self::Replay, answer: &Self::Response) -> Option<Self::Request>;

    /// Sends a request as it is.
    fn send(
        &self,
        request: Self::Request,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Self::Response, Self::Error>> + Send;

    /// Status and headers of an answer.
    fn head(response: &Self::Response) -> (StatusCode, &HeaderMap);

    /// Reads the body of an answer, if its length is known and at most `most`, until `end`, and gives the answer back
    /// whole.
    fn peek(
        response: Self::Response,
        most: u64,
        end: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = (Option<Vec<u8>>, Self::Response)> + Send;
}
