//! Tokens that are bound to a certificate: what the metadata server is told of it.

use std::path::Path;

use keytide_core::Error;
use keytide_issuer::{SmallFile, Wiped};
use serde::Serialize;

/// The body of a request for a token that is bound to the certificate in this file, leaf first. Read anew for each request:
/// certificates of agents live for hours.
pub(super) async fn body(path: &Path) -> Result<Wiped, Error> {
    #[derive(Serialize)]
    struct Body {
        certificate_chain: String,
    }
    let pem = SmallFile::new(path, "the certificate of the agent")
        .read()
        .await?;
    let certificate_chain = chain(&String::from_utf8_lossy(&pem)).ok_or_else(|| {
        // It may be half written.
        Error::unavailable(format!(
            "{} holds no certificate in PEM, or not all of it",
            path.display()
        ))
    })?;
    let json = serde_json::to_vec(&Body { certificate_chain })
        .map_err(|error| Error::misconfigured("the request cannot be written").caused_by(error))?;
    let mut body = Wiped::with_capacity(json.len());
    body.push(&json);
    Ok(body)
}

/// The certificates of a file, without what stands beside them: a key does not leave the machine.
fn chain(pem: &str) -> Option<String> {
    let mut chain = String::new();
    let mut rest = pem;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (inside, after) = after.split_once(END)?;
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/= \r\n".contains(&byte);
        if inside.trim().is_empty() || !inside.bytes().all(base64) {
            return None;
        }
        chain.push_str(BEGIN);
        chain.push_str(inside);
        chain.push_str(END);
        chain.push('\n');
        rest = after;
    }
    (!chain.is_empty()).then_some(chain)
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_certificates_leave_the_machine() {
        let leaf = format!("{BEGIN}\nTEVBRg==\n{END}");
        let key = "-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----";

        let found = chain(&format!("a comment\n{key}\n{leaf}\n\n{leaf}\n")).unwrap();

        assert_eq!(found, format!("{leaf}\n{leaf}\n"));
        for wrong in [
            String::new(),
            key.to_owned(),
            format!("{BEGIN}\n{END}"),
            format!("{BEGIN}\nTEVBRg==\n"),
            format!("{leaf}\n{BEGIN}\nTEV"),
            format!("{BEGIN}\nTEVB{key}\n{END}"),
        ] {
            assert_eq!(chain(&wrong), None, "{wrong}");
        }
    }
}
