//! What an answer says of a signature: whether its date was the fault.

use http::{HeaderValue, StatusCode};
use keytide_http::{Answer, Remedy};

/// A signature that is refused for its date is made again, by the clock that the same answer shows: the client learns it
/// from the `Date` before it asks here, and sends the request once more.
///
/// The codes alone do not tell. `RequestTimeTooSkewed` (S3) and `RequestExpired` (EC2) mean the date;
/// `SignatureDoesNotMatch` and `InvalidSignatureException` mean it only where the message says so, and are a wrong secret or
/// a header that changed on the way otherwise, which another signature would not mend.
pub(super) fn remedy(answer: &Answer<'_>) -> Remedy {
    let refused = matches!(
        answer.status(),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    );
    if refused && blames_date(answer) {
        Remedy::AttachAgain
    } else {
        Remedy::None
    }
}

fn blames_date(answer: &Answer<'_>) -> bool {
    let body = answer.body().unwrap_or_default();
    let named = answer.headers().get("x-amzn-errortype");
    let named = named.map(HeaderValue::as_bytes).unwrap_or_default();
    let has = |text: &str| contains(body, text);
    let has_code = |code: &str| {
        // In XML, at the end of a JSON string, or in the header that REST services have.
        has(&format!("<Code>{code}</Code>")) || has(&format!("{code}\"")) || contains(named, code)
    };
    OUTRIGHT.into_iter().any(has_code)
        || (PERHAPS.into_iter().any(has_code) && MESSAGES.into_iter().any(has))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

const OUTRIGHT: [&str; 2] = ["RequestTimeTooSkewed", "RequestExpired"];
const PERHAPS: [&str; 2] = ["SignatureDoesNotMatch", "InvalidSignatureException"];

/// How AWS words it.
const MESSAGES: [&str; 2] = ["Signature expired", "Signature not yet current"];
