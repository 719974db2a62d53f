//! What a retry or a redirect is made of: [`Replay`].

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap,
    HeaderName, LOCATION, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use http::{Method, StatusCode, Version};
use http_body_util::BodyExt;
use reqwest::{Body, Request, Response};
use url::Url;

use crate::engine::ReplayHeaders;

/// A request as it was before the credential was attached, but for its URL: an answer has that. The body is shared, not
/// copied.
pub(super) struct Replay {
    method: Method,
    headers: ReplayHeaders,
    version: Version,
    body: Part,
}

/// What there is of a body.
#[derive(Clone)]
pub(super) enum Part {
    Absent,
    Whole(Bytes),
    /// A stream: it can be sent once.
    Once,
}

impl Replay {
    /// At most two allocations: the list of the headers, where there are some, and a counter for a body that is shared for
    /// the first time.
    pub(super) fn of(request: &mut Request) -> Self {
        Self {
            body: Part::of(request.body_mut()),
            method: request.method().clone(),
            headers: ReplayHeaders::of(request.headers()),
            version: request.version(),
        }
    }

    /// The same request again, to where it went; `None` when its body is gone.
    pub(super) fn again(self, url: Url) -> Option<Request> {
        let body = match self.body {
            Part::Absent => None,
            Part::Whole(bytes) => Some(Body::from(bytes)),
            Part::Once => return None,
        };
        let mut request = Request::new(self.method, url);
        *request.headers_mut() = self.headers.table();
        *request.version_mut() = self.version;
        *request.body_mut() = body;
        Some(request)
    }

    /// The request that a redirect asks for; `None` when it needs a body that is gone.
    ///
    /// The method changes as in reqwest and in browsers: 303 turns all but HEAD into a GET without a body, 301 and 302
    /// turn a POST into one, and 307 and 308 repeat the request as it was.
    pub(super) fn redirected(
        mut self,
        status: StatusCode,
        url: Url,
        same_origin: bool,
    ) -> Option<Request> {
        let drops_body = drops_body(status, &self.method);
        if drops_body {
            self.method = method_after(status, &self.method);
            self.body = Part::Absent;
        }
        let mut request = self.again(url)?;
        let headers = request.headers_mut();
        if drops_body {
            for name in OF_THE_BODY {
                headers.remove(name);
            }
        }
        if !same_origin {
            for name in OF_THE_ORIGIN {
                headers.remove(name);
            }
        }
        Some(request)
    }

    pub(super) fn method_after(&self, status: StatusCode) -> Method {
        method_after(status, &self.method)
    }

    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone().table()
    }
}

impl Part {
    /// Takes the bytes out of a body that has them, and puts them back.
    pub(super) fn of(body: &mut Option<Body>) -> Self {
        let Some(whole) = body else {
            return Self::Absent;
        };
        if whole.as_bytes().is_none() {
            return Self::Once;
        }
        let mut taken = body.take().unwrap_or_default();
        let bytes = match pin!(taken.frame()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            _ => Bytes::new(),
        };
        *body = Some(Body::from(bytes.clone()));
        Self::Whole(bytes)
    }
}

/// Where a response redirects to. `None` when it does not, or does not say so in a way that can be followed.
pub(super) fn target(response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = std::str::from_utf8(response.headers().get(LOCATION)?.as_bytes()).ok()?;
    response.url().join(location).ok()
}

fn drops_body(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::SEE_OTHER => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    }
}

fn method_after(status: StatusCode, method: &Method) -> Method {
    if drops_body(status, method) && *method != Method::HEAD {
        Method::GET
    } else {
        method.clone()
    }
}

/// What describes a body, and goes with it.
const OF_THE_BODY: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    TRANSFER_ENCODING,
];
/// What the caller meant for one origin only.
const OF_THE_ORIGIN: [HeaderName; 5] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    COOKIE,
    HOST,
    HeaderName::from_static("cookie2"),
];
