//! What STS is asked and answers, by the model of its SDK: [`Operation`].

use std::fmt::{Debug, Display};

use aws_sdk_sts::operation::{assume_role, assume_role_with_web_identity, get_web_identity_token};
use aws_sdk_sts::types::Tag;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use keytide_core::Error;
use keytide_issuer::Wiped;

use crate::keys;

/// The input of an operation, and what belongs to it. The SDK panics over the input of another operation.
pub(crate) trait Operation: Debug + Send + Sync + 'static {
    type Model: RuntimePlugin + Default;
    type Output: Debug + Send + Sync + 'static;
}

impl Operation for assume_role::AssumeRoleInput {
    type Model = assume_role::AssumeRole;
    type Output = assume_role::AssumeRoleOutput;
}

impl Operation for assume_role_with_web_identity::AssumeRoleWithWebIdentityInput {
    type Model = assume_role_with_web_identity::AssumeRoleWithWebIdentity;
    type Output = assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;
}

impl Operation for get_web_identity_token::GetWebIdentityTokenInput {
    type Model = get_web_identity_token::GetWebIdentityToken;
    type Output = get_web_identity_token::GetWebIdentityTokenOutput;
}

/// The headers and the body of a request.
pub(super) fn written<O: Operation>(input: O) -> Result<(HeaderMap, Wiped), Error> {
    write(input).ok_or_else(|| unwritten("its parts do not fit together"))
}

/// A request that the model refuses.
pub(crate) fn unwritten(why: impl Display) -> Error {
    Error::misconfigured(format!("the request to STS cannot be written: {why}"))
}

/// `Tags`.
pub(crate) fn tagged<'t>(
    pairs: impl Iterator<Item = (&'t str, &'t str)>,
) -> Result<Option<Vec<Tag>>, Error> {
    let tags = pairs.map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags = tags.collect::<Result<Vec<_>, _>>().map_err(unwritten)?;
    Ok((!tags.is_empty()).then_some(tags))
}

fn write<O: Operation>(input: O) -> Option<(HeaderMap, Wiped)> {
    let config = O::Model::default().config()?;
    let serializer = config.load::<SharedRequestSerializer>()?;
    let request = serializer.serialize_input(Input::erase(input), &mut ConfigBag::base());
    let (parts, text) = request.ok()?.try_into_http1x().ok()?.into_parts();
    let mut headers = parts.headers;
    // Whoever sends it writes its own.
    headers.remove(CONTENT_LENGTH);
    let mut body = Wiped::default();
    body.push(text.bytes()?);
    Some((headers, body))
}

/// What a successful answer says; `None` where it is none of this operation.
pub(super) fn read<O: Operation>(
    status: StatusCode,
    headers: &HeaderMap,
    body: Wiped,
) -> Result<Option<O::Output>, Error> {
    // The SDK takes an answer that is cut off for a whole one.
    if !body.as_ref().trim_ascii_end().ends_with(b"Response>") {
        return Ok(None);
    }
    let body = SdkBody::from(Bytes::from_owner(dated(body)?));
    let mut response = HttpResponse::new(status.into(), body);
    for (name, value) in headers {
        if let Ok(value) = value.to_str() {
            let (name, value) = (name.as_str().to_owned(), value.to_owned());
            response.headers_mut().append(name, value);
        }
    }
    Ok(parse::<O>(&response))
}

fn parse<O: Operation>(response: &HttpResponse) -> Option<O::Output> {
    let config = O::Model::default().config()?;
    let deserializer = config.load::<SharedResponseDeserializer>()?;
    let output = deserializer.deserialize_nonstreaming_with_config(response, &ConfigBag::base());
    output.ok()?.downcast().ok()
}

/// The answer with its `Expiration` as the SDK reads it. Servers that speak the protocol write other forms, which botocore
/// takes.
fn dated(body: Wiped) -> Result<Wiped, Error> {
    let text = body.as_ref();
    let tag = text
        .windows(EXPIRATION.len())
        .position(|at| at == EXPIRATION);
    let Some((before, rest)) = tag.map(|at| text.split_at(at + EXPIRATION.len())) else {
        return Ok(body);
    };
    let end = rest.iter().position(|byte| *byte == b'<');
    let (written, after) = rest.split_at(end.unwrap_or(rest.len()));
    let instant = keys::instant(&String::from_utf8_lossy(written))?;
    let Ok(instant) = DateTime::from(instant).fmt(Format::DateTime) else {
        return Ok(body);
    };
    let mut dated = Wiped::with_capacity(text.len() + instant.len());
    for piece in [before, instant.as_bytes(), after] {
        dated.push(piece);
    }
    Ok(dated)
}

/// Reads an answer, for the fuzzer.
#[cfg(fuzzing)]
pub(crate) fn fuzz_answer(body: &[u8]) {
    let mut answer = Wiped::default();
    answer.push(body);
    let _ = read::<assume_role::AssumeRoleInput>(StatusCode::OK, &HeaderMap::new(), answer);
}

const EXPIRATION: &[u8] = b"<Expiration>";

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use aws_sdk_sts::types::PolicyDescriptorType;

    use super::assume_role::AssumeRoleInput;
    use super::assume_role_with_web_identity::AssumeRoleWithWebIdentityInput;
    use super::get_web_identity_token::GetWebIdentityTokenInput;
    use super::*;

    #[test]
    fn a_request_is_a_form_in_the_order_of_the_model() {
        let arn = PolicyDescriptorType::builder().arn("arn:aws:iam::aws:policy/P");
        let role = AssumeRoleInput::builder()
            .source_identity("n")
            .external_id("ext:1/2")
            .set_tags(tagged([("k", "v w"), ("l", "ü")].into_iter()).unwrap())
            .transitive_tag_keys("k")
            .duration_seconds(900)
            .policy("{\"a\":1}")
            .policy_arns(arn.build())
            .role_session_name("n=2F")
            .role_arn("arn:aws:iam::1:role/r")
            .build();
        let web = AssumeRoleWithWebIdentityInput::builder()
            .web_identity_token("h.c.s")
            .role_session_name("n")
            .role_arn("r")
            .build();
        let outbound = GetWebIdentityTokenInput::builder()
            .duration_seconds(300)
            .signing_algorithm("RS256")
            .audience("https://a.example")
            .build();

        for (request, expected) in [
            (
                written(role.unwrap()),
                "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=n%3D2F\
                 &PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FP&Policy=%7B%22a%22%3A1%7D&DurationSeconds=900\
                 &Tags.member.1.Key=k&Tags.member.1.Value=v%20w&Tags.member.2.Key=l&Tags.member.2.Value=%C3%BC\
                 &TransitiveTagKeys.member.1=k&ExternalId=ext%3A1%2F2&SourceIdentity=n",
            ),
            (
                written(web.unwrap()),
                "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r&RoleSessionName=n&WebIdentityToken=h.c.s",
            ),
            (
                written(outbound.unwrap()),
                "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=https%3A%2F%2Fa.example&DurationSeconds=300\
                 &SigningAlgorithm=RS256",
            ),
        ] {
            let (headers, body) = request.unwrap();
            assert_eq!(std::str::from_utf8(body.as_ref()).unwrap(), expected);
            assert_eq!(headers.len(), 1, "{headers:?}");
            assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        }
    }

    fn answer(body: &[u8]) -> Result<Option<assume_role::AssumeRoleOutput>, Error> {
        let mut answer = Wiped::default();
        answer.push(body);
        read::<AssumeRoleInput>(StatusCode::OK, &HeaderMap::new(), answer)
    }

    fn good(expiration: &str, token: &str) -> String {
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <Expiration>{expiration}</Expiration><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>{token}</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>\n"
        )
    }

    #[test]
    fn an_answer_is_read_whatever_its_spaces_prefixes_and_escapes() {
        let text = good(
            "2026-11-27T17:40:10Z",
            "t&lt;&#50;&#x33;&amp;&gt;&quot;&apos;=",
        );
        let told =
            format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- <b/> -->{text}");
        let spaced = text.replace("><", ">\n  <");
        let prefixed = text
            .replace("</", "<#")
            .replace('<', "<n:")
            .replace("<n:#", "</n:");
        for body in [text, told, spaced, prefixed] {
            let credentials = answer(body.as_bytes())
                .unwrap()
                .unwrap()
                .credentials
                .unwrap();
            assert_eq!(credentials.session_token, "t<23&>\"'=", "{body}");
            assert_eq!(credentials.expiration.secs(), 1_795_801_210, "{body}");
        }
    }

    #[test]
    fn what_is_no_whole_answer_is_none() {
        let text = good("2026-11-27T17:40:10Z", "token");
        let whole = text.trim_end().len();
        for cut in 0..whole {
            let answer = answer(&text.as_bytes()[..cut]);
            assert!(!matches!(answer, Ok(Some(_))), "{}", &text[..cut]);
        }
        assert!(matches!(answer(&text.as_bytes()[..whole]), Ok(Some(_))));
        let other = text.replace("AssumeRoleRes", "AssumeRootRes");
        for body in [
            "</AssumeRoleResponse>",
            "<AssumeRoleResponse></AssumeRoleResponse>",
            "<AssumeRoleResponse><Error></Error></AssumeRoleResponse>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><AssumeRoleResponse></AssumeRoleResponse>",
            "{\"a\": \"Response>",
            &text.replace("token", "&b;"),
            &text.replace("token", "&#xd800;"),
            &format!("{}</AssumeRoleResponse>", "<a>".repeat(100_000)),
            &other,
        ] {
            assert!(matches!(answer(body.as_bytes()), Ok(None)), "{body:.60}");
        }
        assert!(matches!(answer(b"<a>\xff</AssumeRoleResponse>"), Ok(None)));
    }

    #[test]
    fn an_expiry_is_read_as_botocore_reads_it() {
        let expected = UNIX_EPOCH + Duration::from_secs(1_795_801_210);
        for written in [
            "2026-11-27T17:40:10Z",
            " 2026-11-27T17:40:10.000Z\n",
            "2026-11-27 17:40:10+00:00",
            "2026-11-27T18:40:10+0100",
            "20261127T174010Z",
        ] {
            let output = answer(good(written, "t").as_bytes()).unwrap().unwrap();
            let expiration = output.credentials.unwrap().expiration;
            assert_eq!(
                SystemTime::try_from(expiration).unwrap(),
                expected,
                "{written}"
            );
        }
        for wrong in ["", "2026-11-27T17:40:10", "1969-12-31T00:00:00Z", "soon"] {
            let error = answer(good(wrong, "t").as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains("no instant with an offset"),
                "{error}"
            );
        }
    }
}
