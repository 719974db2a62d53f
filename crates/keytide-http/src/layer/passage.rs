//! The way of one request through the layer, and what is done about its answer: [`Exchange`].

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use keytide_core::Credential;
use tower_service::Service;

use super::copy::bytes_of;
use super::service::BoxError;
use super::{Authorizing, CopyBody, RequestTimeout, Shared};
use crate::attach::Sending;
use crate::destination::Place;
use crate::error::Error;
use crate::generation::SentGeneration;
use crate::guard::{Finding, Guard, Trip};
use crate::peek::ResponseBody;

/// What a request is sent by.
pub(super) struct Exchange<C> {
    pub(super) shared: Arc<Shared>,
    pub(super) copy: C,
}

/// What another attempt is made of: the request as it was, and a service to send it with. Boxed, so that futures without
/// one stay small.
pub(super) type Spare<S, B> = Box<((Parts, B), S)>;

/// How a request is sent once the credential is on it.
type Called<S, B> = <S as Service<Request<B>>>::Future;

impl<C> Exchange<C> {
    /// Sends a request at once, if there is a credential for it at hand; else waits for one first.
    pub(super) fn begin<S, B, R>(
        self,
        to: Place,
        mut parts: Parts,
        body: B,
        service: &mut S,
    ) -> Result<Authorizing<S, C, B, R>, Error>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError> + Send + 'static,
        C: CopyBody<B>,
        B: Body + Send + 'static,
        R: Body + Unpin + Send + 'static,
        R::Data: Send,
        R::Error: Send,
    {
        let limit = limit_of(&parts);
        let spare = self.spare(&parts, &body, service);
        let bound = self.with(&mut parts, &body, |guard, sending| {
            guard.bind_now(to, limit, sending)
        })?;
        Ok(match bound {
            Some(trip) => {
                let called = service.call(self.marked(parts, body, &trip));
                Authorizing::calling(called, self, trip, spare, limit)
            }
            None => {
                // The service that was made ready is the one to be called; its place is taken by a clone.
                let clone = service.clone();
                let ready = std::mem::replace(service, clone);
                Authorizing::slow(async move {
                    let request = (parts, body);
                    let (trip, response) = self
                        .wait_and_send(to, None, limit, request, ready, true)
                        .await?;
                    self.conclude(trip, response, spare, limit).await
                })
            }
        })
    }

    /// Does what an answer asks for.
    pub(super) async fn conclude<S, B, R>(
        self,
        trip: Trip,
        response: Response<R>,
        spare: Option<Spare<S, B>>,
        limit: Option<Duration>,
    ) -> Result<Response<ResponseBody<R>>, BoxError>
    where
        S: Service<Request<B>, Response = Response<R>>,
        S::Error: Into<BoxError>,
        C: CopyBody<B>,
        B: Body,
        R: Body + Unpin + Send,
        R::Data: Send,
        R::Error: Send,
    {
        let (response, finding) = self.examine(&trip, response).await;
        let known = match finding {
            Finding::Fine => return Ok(response),
            Finding::AttachAgain => None,
            Finding::Refused(refusal) => {
                // The report counts from here on, whether or not anybody waits for what comes of it.
                let newer = self.shared.guard.report(&trip, &refusal, limit);
                if spare.is_none() {
                    return Ok(response);
                }
                match newer.await {
                    Some(credential) => Some(credential),
                    None => return Ok(response),
                }
            }
        };
        let Some(spare) = spare else {
            return Ok(response);
        };
        let (request, service) = *spare;
        drop(response);
        let (trip, response) = self
            .wait_and_send(trip.to, known, limit, request, service, false)
            .await?;
        let (response, finding) = self.examine(&trip, response).await;
        if let Finding::Refused(refusal) = finding {
            drop(self.shared.guard.report(&trip, &refusal, limit));
        }
        Ok(response)
    }

    /// Attaches this credential, or waits for that which is current, and sends.
    async fn wait_and_send<S, B, R>(
        &self,
        to: Place,
        known: Option<Arc<Credential>>,
        limit: Option<Duration>,
        (mut parts, body): (Parts, B),
        mut service: S,
        is_ready: bool,
    ) -> Result<(Trip, Response<R>), BoxError>
    where
        S: Service<Request<B>, Response = Response<R>>,
        S::Error: Into<BoxError>,
        C: CopyBody<B>,
        B: Body,
    {
        let mut known = known;
        let mut trip = loop {
            let credential = match known.take() {
                Some(credential) => credential,
                None => self.shared.guard.credential(to, limit, limit).await?,
            };
            let bound = self.with(&mut parts, &body, |guard, sending| {
                guard.bind(to, &credential, sending)
            })?;
            if let Some(trip) = bound {
                break trip;
            }
        };
        if !is_ready {
            poll_fn(|context| service.poll_ready(context))
                .await
                .map_err(Into::into)?;
        }
        let called: Called<S, B> = service.call(self.marked(parts, body, &trip));
        let sent = called.await;
        let status = sent.as_ref().ok().map(Response::status);
        self.shared.guard.tell_use(&mut trip, status);
        Ok((trip, sent.map_err(Into::into)?))
    }

    /// What the response says of the credential. One whose body had to be looked at is given back whole.
    async fn examine<R>(
        &self,
        trip: &Trip,
        response: Response<R>,
    ) -> (Response<ResponseBody<R>>, Finding)
    where
        C: Sync,
        R: Body + Unpin + Send,
        R::Data: Send,
        R::Error: Send,
    {
        let guard = &self.shared.guard;
        let (parts, body) = self.shared.tethered(trip.generation, response).into_parts();
        match guard.finding(trip, parts.status, &parts.headers) {
            Some(finding) => {
                let body = ResponseBody::untouched(body);
                (Response::from_parts(parts, body), finding)
            }
            None => {
                let (finding, body) = guard
                    .finding_of_body(trip, parts.status, &parts.headers, body)
                    .await;
                (Response::from_parts(parts, body), finding)
            }
        }
    }

    /// A copy of the request as it is now, without a credential.
    #[inline]
    fn spare<S: Clone, B>(&self, parts: &Parts, body: &B, service: &S) -> Option<Spare<S, B>>
    where
        C: CopyBody<B>,
    {
        let body = self.copy.copy(body)?;
        Some(Box::new(((parts.clone(), body), service.clone())))
    }

    /// Hands out the parts of a request that are looked at.
    #[inline]
    fn with<B: Body, T>(
        &self,
        parts: &mut Parts,
        body: &B,
        use_it: impl FnOnce(&Guard, Sending<'_>) -> Result<T, Error>,
    ) -> Result<T, Error>
    where
        C: CopyBody<B>,
    {
        let guard = &self.shared.guard;
        let bytes = if guard.profile().wants_body() {
            bytes_of(&self.copy, body)
        } else {
            None
        };
        let sending = Sending {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &mut parts.headers,
            body: bytes.as_deref(),
        };
        use_it(guard, sending)
    }

    #[inline]
    fn marked<B>(&self, mut parts: Parts, body: B, trip: &Trip) -> Request<B> {
        if self.shared.marks {
            parts.extensions.insert(SentGeneration(trip.generation));
        }
        Request::from_parts(parts, body)
    }
}

/// For how long a request may take, where it says so.
#[inline]
fn limit_of(parts: &Parts) -> Option<Duration> {
    let told = parts.extensions.get::<RequestTimeout>();
    told.map(|told| told.0).or_else(|| {
        let value = parts.headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
        grpc_timeout(value)
    })
}

/// At most eight digits and a unit, as gRPC has it.
fn grpc_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_timeout_is_read_as_grpc_writes_it() {
        for (value, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("7n", Some(Duration::from_nanos(7))),
            ("100000000S", None),
            ("S", None),
            ("10", None),
            ("-1S", None),
            ("1é", None),
            ("", None),
        ] {
            assert_eq!(grpc_timeout(value), expected, "{value}");
        }
    }
}
