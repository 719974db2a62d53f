//! The security token service: [`Sts`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::time;
use crate::server::{Good, Received, Reply};

/// STS, as far as `AssumeRole`, `AssumeRoleWithWebIdentity`, `GetCallerIdentity` and `GetWebIdentityToken` go, by the
/// query protocol.
///
/// It keeps what it is easy to be wrong about: the characters of a session name, an hour at the most for chained roles, and
/// that a tag's key which was inherited is refused. Any signature is good.
#[derive(Debug, Clone)]
pub struct Sts {
    prefix: String,
    lifetime: Duration,
}

/// The transitive tags of a session, by its key id.
type Sessions = HashMap<String, Vec<String>>;

impl Sts {
    /// One whose keys have secrets of this prefix and the request's number.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            lifetime: Duration::from_secs(3600),
        }
    }

    /// How long sessions last where the request does not say. Defaults to 1 h.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    fn answer(&self, asked: &Received, sessions: &Mutex<Sessions>) -> Reply {
        let form = asked.form();
        let field = |name: &str| {
            let found = form.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let signer = asked.header("authorization").and_then(signer);
        match field("Action") {
            Some("AssumeRole") => {
                let Some(signer) = signer else {
                    return refusal(403, "MissingAuthenticationToken");
                };
                self.role(asked, &form, Some(&signer), sessions)
            }
            Some("AssumeRoleWithWebIdentity") => match field("WebIdentityToken") {
                Some(token) if token.len() >= 4 => self.role(asked, &form, None, sessions),
                _ => refusal(400, "InvalidIdentityToken"),
            },
            Some("GetCallerIdentity") if signer.is_some() => success(
                "GetCallerIdentity",
                "<Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><UserId>AROA:s</UserId><Account>123456789012</Account>",
            ),
            Some("GetWebIdentityToken") if signer.is_some() => {
                if field("Audience.member.1").is_none() || field("SigningAlgorithm").is_none() {
                    return refusal(400, "ValidationError");
                }
                let seconds = field("DurationSeconds").and_then(|text| text.parse().ok());
                success(
                    "GetWebIdentityToken",
                    &format!(
                        "<WebIdentityToken>{}token-{}</WebIdentityToken><Expiration>{}</Expiration>",
                        self.prefix,
                        asked.number(),
                        time::after(Duration::from_secs(seconds.unwrap_or(300)))
                    ),
                )
            }
            Some(_) if signer.is_none() => refusal(403, "MissingAuthenticationToken"),
            _ => refusal(400, "InvalidAction"),
        }
    }

    fn role(
        &self,
        asked: &Received,
        form: &[(String, String)],
        signer: Option<&str>,
        sessions: &Mutex<Sessions>,
    ) -> Reply {
        let field = |name: &str| {
            let found = form.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let members = |list: &str, end: &str| {
            let start = format!("{list}.member.");
            let of_list = form.iter().filter(move |(name, _)| {
                name.strip_prefix(&start)
                    .is_some_and(|rest| rest.split_once('.').map_or("", |(_, end)| end) == end)
            });
            of_list.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        let named = |name: &&str| (2..=64).contains(&name.len()) && name.chars().all(legal);
        let (Some(role), Some(session)) =
            (field("RoleArn"), field("RoleSessionName").filter(named))
        else {
            return refusal(400, "ValidationError");
        };
        let seconds = field("DurationSeconds").map(str::parse::<u64>).transpose();
        let Ok(seconds) = seconds else {
            return refusal(400, "ValidationError");
        };
        let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let inherited = signer.and_then(|signer| sessions.get(signer));
        let chained = inherited.is_some();
        let inherited = inherited.cloned().unwrap_or_default();
        let tags = members("Tags", "Key");
        let again = tags.iter().any(|tag| {
            inherited
                .iter()
                .any(|known| known.eq_ignore_ascii_case(tag))
        });
        if again || (chained && seconds.is_some_and(|seconds| seconds > 3600)) {
            return refusal(400, "ValidationError");
        }
        let lifetime = seconds.map_or(self.lifetime, Duration::from_secs);
        let number = asked.number();
        let mut transitive = members("TransitiveTagKeys", "");
        transitive.extend(inherited);
        sessions.insert(key_id(number), transitive);

        let prefix = &self.prefix;
        let arn = role
            .replacen(":iam:", ":sts:", 1)
            .replacen(":role/", ":assumed-role/", 1);
        let source =
            field("SourceIdentity").map(|name| format!("<SourceIdentity>{name}</SourceIdentity>"));
        let action = if signer.is_some() {
            "AssumeRole"
        } else {
            "AssumeRoleWithWebIdentity"
        };
        let result = format!(
            "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{prefix}secret-{number}</SecretAccessKey>\
             <SessionToken>{prefix}session-{number}</SessionToken><Expiration>{}</Expiration></Credentials>\
             <AssumedRoleUser><AssumedRoleId>AROAFAKE0000000000000:{session}</AssumedRoleId><Arn>{arn}/{session}</Arn>\
             </AssumedRoleUser><PackedPolicySize>{}</PackedPolicySize>{}",
            key_id(number),
            time::after(lifetime),
            tags.len() * 2 + field("Policy").map_or(0, |policy| policy.len() * 100 / 2048),
            source.unwrap_or_default(),
        );
        success(action, &result)
    }
}

impl From<Sts> for Good {
    fn from(sts: Sts) -> Self {
        let sessions = Arc::new(Mutex::new(Sessions::new()));
        Self::new(move |asked| sts.answer(asked, &sessions))
    }
}

/// How STS says no: this status, and this code in the XML of the query protocol. `{canary}` stands where the message does.
#[must_use]
pub fn refusal(status: u16, code: &str) -> Reply {
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    Reply::new(status).header("content-type", "text/xml").body(format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>{kind}</Type>\n    <Code>{code}</Code>\n    \
         <Message>{{canary}}</Message>\n  </Error>\n  <RequestId>00000000-0000-0000-0000-000000000000</RequestId>\n\
         </ErrorResponse>\n"
    ))
}

fn success(action: &str, result: &str) -> Reply {
    Reply::new(200).header("content-type", "text/xml").body(format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result><ResponseMetadata>\
         <RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></{action}Response>"
    ))
}

/// Other than those of the platform.
fn key_id(number: u64) -> String {
    format!("ASIASTS{number:013}")
}

/// The key id in an `Authorization` header of SigV4.
fn signer(authorization: &str) -> Option<String> {
    let (_, rest) = authorization.split_once("Credential=")?;
    rest.split('/').next().map(ToOwned::to_owned)
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
