//! What a token request says of continuous access evaluation.

use serde_json::{Map, Value, json};

/// The `claims` of a request: what a challenge demanded, and that this client can answer challenges. `None` where there is
/// nothing to say.
///
/// Of the challenge nothing but its claims gets here. What is no object of JSON is passed over.
pub(super) fn merged(challenge: Option<&str>, capable: bool) -> Option<String> {
    let demanded = challenge.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    if demanded.is_none() && !capable {
        return None;
    }
    let mut claims = demanded.unwrap_or_default();
    let of_token = claims.entry("access_token").or_insert_with(|| json!({}));
    if !of_token.is_object() {
        *of_token = json!({});
    }
    of_token["xms_cc"] = json!({ "values": ["cp1"] });
    Some(Value::Object(claims).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_merged_with_what_the_client_can_do() {
        let cp1 = json!({ "values": ["cp1"] });
        for (challenge, capable, expected) in [
            (None, false, None),
            (
                None,
                true,
                Some(json!({ "access_token": { "xms_cc": cp1 } })),
            ),
            (
                Some(r#"{"access_token":{"nbf":{"essential":true,"value":"1795514520"}}}"#),
                false,
                Some(
                    json!({ "access_token": { "nbf": { "essential": true, "value": "1795514520" }, "xms_cc": cp1 } }),
                ),
            ),
            (
                Some(r#"{"access_token":{"xms_cc":{"values":["other"]}},"userinfo":{"x":null}}"#),
                true,
                Some(json!({ "access_token": { "xms_cc": cp1 }, "userinfo": { "x": null } })),
            ),
            (
                Some(r#"{"access_token":7}"#),
                false,
                Some(json!({ "access_token": { "xms_cc": cp1 } })),
            ),
            (
                Some("{}"),
                false,
                Some(json!({ "access_token": { "xms_cc": cp1 } })),
            ),
            (Some("[1]"), false, None),
            (Some("no json"), false, None),
            (
                Some(""),
                true,
                Some(json!({ "access_token": { "xms_cc": cp1 } })),
            ),
        ] {
            let merged = merged(challenge, capable);

            let read = merged.map(|text| serde_json::from_str::<Value>(&text).unwrap());
            assert_eq!(read, expected, "{challenge:?} {capable}");
        }
    }
}
