//! The JSON document by which instances, containers and processes are given the keys of a role: [`Document`].

use std::fmt;

use keytide_core::Error;
use keytide_issuer::{read_object, read_object_of};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::keys::{Keys, instant};
use crate::marks::{Marks, SessionOf, is_account_id};

/// The members of the document that are read; others are passed over. Names are compared without case, as the SDKs do;
/// one that stands twice is an error.
#[derive(Default)]
pub(crate) struct Document {
    pub(crate) code: Option<String>,
    pub(crate) version: Option<u64>,
    access_key_id: Option<String>,
    secret_access_key: Option<Zeroizing<String>>,
    session_token: Option<Zeroizing<String>>,
    expiration: Option<String>,
    role_arn: Option<String>,
    account_id: Option<String>,
}

impl Document {
    /// Reads a document. `what` stands in errors, such as `the answer`.
    pub(crate) fn read(what: &str, body: &[u8]) -> Result<Self, Error> {
        read_object(what, body)
    }

    /// Reads what a command has printed.
    pub(crate) fn printed(what: &str, output: &[u8]) -> Result<Self, Error> {
        read_object_of(
            what,
            "run the command by hand to see what it prints",
            output,
        )
    }

    /// The keys, which must be those of a session that ends.
    pub(crate) fn session_keys(self, session: SessionOf) -> Result<Keys, Error> {
        let missing = |name: &str| {
            Error::unavailable(format!(
                "the answer is no role credential: it has no {name}"
            ))
        };
        if self.session_token.is_none() {
            return Err(missing("Token"));
        }
        if self.expiration.is_none() {
            return Err(missing("Expiration"));
        }
        let mut keys = self.keys()?;
        keys.marks.session = Some(session);
        Ok(keys)
    }

    /// The keys, which may be static.
    pub(crate) fn keys(self) -> Result<Keys, Error> {
        let missing = |name: &str| {
            Error::unavailable(format!("the answer is no credential: it has no {name}"))
        };
        let keys = Keys {
            access_key_id: self.access_key_id.ok_or_else(|| missing("AccessKeyId"))?,
            secret_access_key: self
                .secret_access_key
                .ok_or_else(|| missing("SecretAccessKey"))?,
            session_token: self.session_token,
            expires_at: self.expiration.as_deref().map(instant).transpose()?,
            principal: self.role_arn.filter(|arn| arn.starts_with("arn:")),
            marks: Marks {
                account_id: self.account_id.filter(|id| is_account_id(id)),
                ..Marks::default()
            },
        };
        keys.checked()
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a credential of a role")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut document = Document::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.to_ascii_lowercase().as_str() {
                "code" => once(&mut document.code, &mut map)?,
                "version" => once(&mut document.version, &mut map)?,
                "accesskeyid" => once(&mut document.access_key_id, &mut map)?,
                "secretaccesskey" => once(&mut document.secret_access_key, &mut map)?,
                "token" | "sessiontoken" => once(&mut document.session_token, &mut map)?,
                "expiration" | "expiresat" => once(&mut document.expiration, &mut map)?,
                "accountid" => once(&mut document.account_id, &mut map)?,
                "rolearn" => once(&mut document.role_arn, &mut map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(document)
    }
}

/// `null` is as good as nothing.
fn once<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    place: &mut Option<T>,
    map: &mut A,
) -> Result<(), A::Error> {
    let value = map.next_value::<Option<T>>()?;
    if place.is_some() {
        return Err(serde::de::Error::custom("twice"));
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use keytide_core::ErrorKind;

    use super::*;

    fn keys(body: &str) -> Result<Keys, Error> {
        Document::read("the answer", body.as_bytes())
            .and_then(|document| document.session_keys(SessionOf::Role))
    }

    #[test]
    fn a_document_is_read_whatever_the_case_of_its_names_and_whatever_stands_beside_it() {
        for body in [
            r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2009-02-13T23:31:30Z","LastUpdated":"x"}"#,
            r#"{"accesskeyid":"AKID","secretAccessKey":"s","SessionToken":"t","expiresat":"2009-02-13T23:31:30Z","nested":{"Token":[1]}}"#,
            r#"{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2009-02-14T00:31:30+01:00","RoleArn":null}"#,
            r#"{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2009-02-13 23:31:30+00:00"}"#,
            r#"{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2009-02-14T00:31:30+0100"}"#,
            r#"{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"20090213T233130Z"}"#,
            "\u{feff}{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2009-02-13T23:31:30Z\"}",
        ] {
            let keys = keys(body).unwrap();

            assert_eq!(keys.access_key_id, "AKID");
            assert_eq!(keys.secret_access_key.as_str(), "s");
            assert_eq!(keys.session_token.as_ref().unwrap().as_str(), "t");
            let expected = UNIX_EPOCH + Duration::from_secs(1_234_567_890);
            assert_eq!(keys.expires_at, Some(expected), "{body}");
        }
    }

    #[test]
    fn what_is_no_credential_is_an_error_that_quotes_nothing() {
        let with = |member: &str| {
            format!(
                r#"{{"AccessKeyId":"canary","SecretAccessKey":"canary","Token":"canary","Expiration":"2030-01-01T00:00:00Z",{member}}}"#
            )
        };
        let long = with(&format!(
            r#""x":{}1{}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        ));
        for body in [
            "",
            " \n",
            "<html>canary</html>",
            "canary",
            "[\"canary\"]",
            "{}",
            r#"{"AccessKeyId":"canary""#,
            r#"{"AccessKeyId":"canary","SecretAccessKey":"canary","Token":"canary"}"#,
            r#"{"AccessKeyId":"canary","SecretAccessKey":"canary","Expiration":"2030-01-01T00:00:00Z"}"#,
            r#"{"AccessKeyId":"canary","SecretAccessKey":"","Token":"t","Expiration":"2030-01-01T00:00:00Z"}"#,
            r#"{"AccessKeyId":"canary","SecretAccessKey":"can ary","Token":"t","Expiration":"2030-01-01T00:00:00Z"}"#,
            r#"{"AccessKeyId":"canary","SecretAccessKey":7,"Token":"t","Expiration":"2030-01-01T00:00:00Z"}"#,
            r#"{"AccessKeyId":"canary","SecretAccessKey":"s","Token":"t","Expiration":"canary"}"#,
            r#"{"AccessKeyId":"canary","SecretAccessKey":"s","Token":"t","Expiration":1893456000}"#,
            &with(r#""token":"canary""#),
            &with(r#""ACCESSKEYID":"canary""#),
        ] {
            let error = keys(body).unwrap_err();

            assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}");
            assert!(
                !format!("{error} {error:?}").contains("canary"),
                "{error:?}"
            );
        }
        assert!(keys(&long).is_ok(), "what is passed over may be deep");
    }
}
