//! The error bodies of AWS, Google and Azure in JSON.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::aws::{aws_code_blames_credential, shape_name};

/// Whether a body says that the credential is the cause.
pub(super) fn blames(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    // Google's streaming answers are arrays.
    let first = body.get(0).unwrap_or(&body);
    if of_aws(headers, first) {
        return true;
    }
    let error = &first["error"];
    status == StatusCode::FORBIDDEN && (of_google(error) || of_azure(error))
}

/// `__type`, or `code` where the answer is one of AWS.
fn of_aws(headers: &HeaderMap, body: &Value) -> bool {
    let by_aws = headers.contains_key("x-amzn-requestid");
    let names: &[&str] = if by_aws {
        &["__type", "code", "Code"]
    } else {
        &["__type"]
    };
    names
        .iter()
        .filter_map(|name| body[*name].as_str())
        .any(|code| aws_code_blames_credential(shape_name(code)))
}

/// `google.rpc.Status`, with the reason in a `google.rpc.ErrorInfo`.
fn of_google(error: &Value) -> bool {
    let expired = |detail: &Value| {
        detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
            && detail["domain"] == "googleapis.com"
            && detail["reason"] == "ACCESS_TOKEN_EXPIRED"
    };
    error["status"] == "UNAUTHENTICATED"
        || error["details"]
            .as_array()
            .is_some_and(|details| details.iter().any(expired))
}

/// The codes of Azure Resource Manager and Microsoft Graph.
fn of_azure(error: &Value) -> bool {
    matches!(
        error["code"].as_str(),
        Some("InvalidAuthenticationToken" | "ExpiredAuthenticationToken")
    )
}
