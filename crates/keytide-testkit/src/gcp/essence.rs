//! What a request to Google asks for: [`essence`].

use serde_json::{Map, Value, json};

use super::state::{claims, header};
use crate::server::{Received, decoded};

/// What a request asks for, without what differs from run to run, so that two clients can be compared.
///
/// Base tokens are known by the kind that issued them (`"metadata"`, `"federated"`, …), assertions by their header and their
/// claims with `exp` counted from `iat`, signed requests of AWS by what is signed. The boundary of an exchange is parsed.
/// Of the headers, those that decide are left.
#[must_use]
pub fn essence(asked: &Received) -> Value {
    let mut told = Map::new();
    told.insert("method".to_owned(), asked.method().into());
    told.insert("path".to_owned(), decoded(asked.path()).into());
    if let Some((_, query)) = asked.target().split_once('?') {
        told.insert("query".to_owned(), decoded(query).into());
    }
    if let Some(flavor) = asked.header("metadata-flavor") {
        told.insert("metadata-flavor".to_owned(), flavor.into());
    }
    if let Some(authorization) = asked.header("authorization") {
        let kind = authorization.strip_prefix("Bearer ").map(kind_of);
        told.insert(
            "authorization".to_owned(),
            kind.unwrap_or_else(|| authorization.into()),
        );
    }
    let content_type = asked.header("content-type").unwrap_or_default();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let form = asked.form().into_iter();
        let fields = form.map(|(name, value)| {
            let value = field(&name, &value);
            (name, value)
        });
        told.insert("form".to_owned(), Value::Object(fields.collect()));
    } else if let Ok(mut body) = serde_json::from_slice::<Value>(asked.body()) {
        // None, and a list of none, are the same.
        if let Some(object) = body.as_object_mut() {
            object.retain(|_, value| !value.is_null() && value != &json!([]));
        }
        // Which certificates they are differs from run to run.
        if let Some(chain) = body["certificate_chain"].as_str() {
            let count = chain.matches("-----BEGIN CERTIFICATE-----").count();
            body["certificate_chain"] = format!("{count} certificates").into();
        }
        told.insert("json".to_owned(), body);
    }
    Value::Object(told)
}

fn field(name: &str, value: &str) -> Value {
    match name {
        "options" => serde_json::from_str(&decoded(value)).unwrap_or_else(|_| value.into()),
        "assertion" => assertion(value).unwrap_or_else(|| value.into()),
        "subject_token" if value.starts_with("ya29.") => kind_of(value),
        "subject_token" => aws_request(value).unwrap_or_else(|| value.into()),
        _ => value.into(),
    }
}

fn kind_of(token: &str) -> Value {
    let kind = token
        .strip_prefix("ya29.")
        .and_then(|rest| rest.split_once('-'));
    kind.map_or("foreign", |(kind, _)| kind).into()
}

fn assertion(token: &str) -> Option<Value> {
    let (header, mut claims) = (header(token)?, claims(token)?);
    let made = claims["iat"].as_u64()?;
    let lasts = claims["exp"].as_u64()?.checked_sub(made)?;
    let object = claims.as_object_mut()?;
    object.remove("iat");
    object.insert("exp".to_owned(), format!("iat + {lasts}").into());
    Some(json!({ "header": header, "claims": claims }))
}

/// A signed request as a subject token: where it goes, and which headers are signed.
fn aws_request(token: &str) -> Option<Value> {
    let request: Value = serde_json::from_str(&decoded(token)).ok()?;
    let headers = request["headers"].as_array()?;
    let mut names: Vec<_> = headers
        .iter()
        .filter_map(|header| header["key"].as_str())
        .map(str::to_ascii_lowercase)
        .collect();
    names.sort();
    let target = headers.iter().find(|header| {
        let key = header["key"].as_str().unwrap_or_default();
        key.eq_ignore_ascii_case("x-goog-cloud-target-resource")
    });
    Some(json!({
        "url": request["url"],
        "method": request["method"],
        "headers": names,
        "x-goog-cloud-target-resource": target.map(|header| &header["value"]),
    }))
}
