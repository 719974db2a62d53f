//! What a redirect asks for next: [`Spare`], the copy of a request that another attempt is made of.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName, LOCATION,
    PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use http::{Method, StatusCode};
use reqwest::{Request, Response};
use url::Url;

/// A request as it was before the credential was attached.
pub(crate) struct Spare {
    request: Request,
    /// Whether the body could be copied too: not that of a stream.
    whole: bool,
}

impl Spare {
    pub(crate) fn of(request: &Request) -> Self {
        if let Some(request) = request.try_clone() {
            return Self {
                request,
                whole: true,
            };
        }
        let mut copy = Request::new(request.method().clone(), request.url().clone());
        copy.headers_mut().clone_from(request.headers());
        *copy.version_mut() = request.version();
        *copy.timeout_mut() = request.timeout().copied();
        Self {
            request: copy,
            whole: false,
        }
    }

    /// The same request again; `None` when its body is gone.
    pub(crate) fn again(self) -> Option<Request> {
        self.whole.then_some(self.request)
    }

    /// The request that a redirect asks for; `None` when it needs a body that is gone.
    ///
    /// The method changes as in reqwest and in browsers: 303 turns all but HEAD into a GET without a body, 301 and 302
    /// turn a POST into one, and 307 and 308 repeat the request as it was.
    pub(crate) fn redirected(
        mut self,
        status: StatusCode,
        url: Url,
        same_origin: bool,
    ) -> Option<Request> {
        let method = self.request.method();
        let becomes_get = match status {
            StatusCode::SEE_OTHER => true,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
            _ => false,
        };
        if becomes_get {
            if *method != Method::HEAD {
                *self.request.method_mut() = Method::GET;
            }
            *self.request.body_mut() = None;
            for name in OF_THE_BODY {
                self.request.headers_mut().remove(name);
            }
        } else if !self.whole {
            return None;
        }
        if !same_origin {
            for name in OF_THE_ORIGIN {
                self.request.headers_mut().remove(name);
            }
        }
        *self.request.url_mut() = url;
        Some(self.request)
    }
}

/// Where a response redirects to. `None` when it does not, or does not say so in a way that can be followed.
pub(crate) fn target(response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = std::str::from_utf8(response.headers().get(LOCATION)?.as_bytes()).ok()?;
    response.url().join(location).ok()
}

/// What describes a body, and goes with it.
const OF_THE_BODY: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    TRANSFER_ENCODING,
];
/// What the caller meant for one origin only.
const OF_THE_ORIGIN: [HeaderName; 4] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("cookie2"),
];
