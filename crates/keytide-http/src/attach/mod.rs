//! How a credential is put on a request: [`Attach`], and the ways that need no other crate.

mod answer;
mod basic;
mod bearer;
mod named;
mod outgoing;

use http::header::HeaderName;
use keytide_core::{Credential, CredentialKind};

pub use self::answer::{Answer, Remedy};
pub use self::basic::Basic;
pub use self::bearer::Bearer;
pub use self::named::NamedHeader;
pub use self::outgoing::Outgoing;
pub(crate) use self::outgoing::{RequestClock, Sending};
use crate::error::Error;

/// Puts a credential on requests, in headers only: the URL and its query never carry one.
///
/// It is split by how often a thing is done. [`profile`](Self::profile) is asked once, when a client is built.
/// [`prepare`](Self::prepare) is asked once for each generation, and its result is kept until that generation is
/// replaced or revoked: there the secret is exposed, and a ready header value or a derived key is made of it.
/// [`attach`](Self::attach) is asked for each request, retry and hop, and should allocate nothing that it need not.
///
/// A client refuses a request that already carries one of the headers named in the profile, and makes retries and
/// redirected requests from a copy without them. What is not named cannot be set.
///
/// ```
/// use http::{HeaderName, HeaderValue};
/// use keytide_core::{Credential, CredentialKind};
/// use keytide_http::{Answer, Attach, AttachProfile, Error, Outgoing, Remedy};
///
/// /// `Authorization: Token token=…`, as some APIs have it.
/// struct TokenScheme;
///
/// impl Attach for TokenScheme {
///     type Ready = HeaderValue;
///
///     fn profile(&self) -> AttachProfile {
///         AttachProfile::new([http::header::AUTHORIZATION]).takes(CredentialKind::BearerToken)
///     }
///
///     fn prepare(&self, credential: &Credential) -> Result<HeaderValue, Error> {
///         let mut value = b"Token token=".to_vec();
///         value.extend_from_slice(credential.expose_bearer("token scheme")?);
///         HeaderValue::try_from(value).map_err(|_| Error::cannot_attach("the token does not fit in a header"))
///     }
///
///     fn attach(&self, ready: &HeaderValue, request: &mut Outgoing<'_>) -> Result<(), Error> {
///         request.set(http::header::AUTHORIZATION, ready.clone())
///     }
///
///     fn answered(&self, _: &Answer<'_>) -> Remedy {
///         Remedy::None
///     }
/// }
/// ```
pub trait Attach: Send + Sync + 'static {
    /// What is made of a credential once a generation.
    ///
    /// It is dropped when its generation is replaced or revoked, by whoever does that; a request that is being
    /// attached to at that moment keeps it until it is done. It should wipe what is secret in it.
    type Ready: Send + Sync + 'static;

    /// Which headers it sets, and what it must know of a request.
    fn profile(&self) -> AttachProfile;

    /// Makes what requests of this generation need. It is called by one request at a time while others wait, so it
    /// should not block.
    ///
    /// # Errors
    /// [`Error::cannot_attach`], when the credential is of another kind or holds what cannot be sent.
    fn prepare(&self, credential: &Credential) -> Result<Self::Ready, Error>;

    /// Sets the headers of one request.
    ///
    /// # Errors
    /// [`Error::cannot_attach`], when this request cannot be signed: then it is not sent.
    fn attach(&self, ready: &Self::Ready, request: &mut Outgoing<'_>) -> Result<(), Error>;

    /// How path and query of a request are to be written, `None` where they are so already: for signatures, which must cover
    /// what the destination will see. Received where the profile says [`rewrites`](AttachProfile::rewrites), once a request is
    /// admitted, and for each hop.
    ///
    /// What comes back begins with a slash, means the same to the destination, and would not be rewritten again; what is no
    /// path and query is not heeded. Defaults to leaving both as they are.
    fn rewrite(&self, path: &str, query: Option<&str>) -> Option<String> {
        let _ = (path, query);
        None
    }

    /// Looks at an answer before anything else does: a server may hand out a nonce with any answer, or refuse how a
    /// credential was attached and not the credential itself.
    fn answered(&self, answer: &Answer<'_>) -> Remedy;
}

/// What an [`Attach`] sets, and what it must know of a request.
#[derive(Debug, Clone)]
pub struct AttachProfile {
    headers: Vec<HeaderName>,
    kind: Option<CredentialKind>,
    reads_body: bool,
    reads_clock: bool,
    reads_answers: bool,
    rewrites: bool,
}

impl AttachProfile {
    /// It sets these headers and no others.
    pub fn new(headers: impl IntoIterator<Item = HeaderName>) -> Self {
        Self {
            headers: headers.into_iter().collect(),
            kind: None,
            reads_body: false,
            reads_clock: false,
            reads_answers: false,
            rewrites: false,
        }
    }

    /// It attaches credentials of this kind only: a client over a cache of another kind is refused when it is built.
    /// Defaults to unknown: then [`Attach::prepare`] tells.
    #[must_use]
    pub fn takes(mut self, kind: CredentialKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// It reads bodies ([`Outgoing::body`]). Defaults to no: for some clients, that costs a reference to the body.
    #[must_use]
    pub fn reads_body(mut self) -> Self {
        self.reads_body = true;
        self
    }

    /// It dates what it sets ([`Outgoing::now`]). Defaults to no. If so, the clock of each destination is learned from
    /// the `Date` of its answers.
    #[must_use]
    pub fn reads_clock(mut self) -> Self {
        self.reads_clock = true;
        self
    }

    /// It looks at answers ([`Attach::answered`]). Defaults to no: then that is never called.
    #[must_use]
    pub fn reads_answers(mut self) -> Self {
        self.reads_answers = true;
        self
    }

    /// It says how paths and queries are written ([`Attach::rewrite`]). Defaults to no: then that is never called.
    #[must_use]
    pub fn rewrites(mut self) -> Self {
        self.rewrites = true;
        self
    }

    /// The headers that it sets.
    #[must_use]
    pub fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    pub(crate) fn kind(&self) -> Option<CredentialKind> {
        self.kind
    }

    pub(crate) fn wants_body(&self) -> bool {
        self.reads_body
    }

    pub(crate) fn wants_clock(&self) -> bool {
        self.reads_clock
    }

    pub(crate) fn wants_rewriting(&self) -> bool {
        self.rewrites
    }

    pub(crate) fn wants_answers(&self) -> bool {
        self.reads_answers
    }
}
