//! Where the metadata server is: [`endpoint`].

use keytide_core::Error;
use keytide_issuer::{Endpoint, Env};

/// The server that the environment names, else the one that is documented.
///
/// The documented name is never looked up: whoever answers for a name gets to hand out tokens.
pub(super) fn endpoint(named: Option<&str>, env: &Env) -> Result<Endpoint, Error> {
    let (from, host) = match named {
        Some(host) => ("the host", host.to_owned()),
        None => told(env)?,
    };
    let wrong = || {
        Error::misconfigured(format!(
            "{from} does not name a metadata server: give 169.254.169.254, [fd20:ce::254], or a loopback address with a \
             port, without a scheme and a path"
        ))
    };
    if !host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    {
        return Err(wrong());
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && !port.ends_with(']') => {
            (name, format!(":{port}"))
        }
        _ => (host.as_str(), String::new()),
    };
    let name = if DOCUMENTED.contains(&name) {
        ADDRESS
    } else {
        name
    };
    let endpoint = Endpoint::parse(&format!("http://{name}{port}/"));
    endpoint.map_err(|error| wrong().caused_by(error))
}

/// What the first variable that is set says, and its name.
fn told(env: &Env) -> Result<(&'static str, String), Error> {
    for name in VARIABLES {
        if let Some(host) = env.get(name)? {
            return Ok((name, host));
        }
    }
    Ok(("the host", ADDRESS.to_owned()))
}

const VARIABLES: [&str; 3] = ["GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"];
const ADDRESS: &str = "169.254.169.254";
const DOCUMENTED: [&str; 2] = ["metadata.google.internal", "metadata"];

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    #[test]
    fn the_environment_names_a_literal_address_or_none() {
        for (variables, expected) in [
            (vec![], "http://169.254.169.254"),
            (
                vec![("GCE_METADATA_HOST", "metadata.google.internal")],
                "http://169.254.169.254",
            ),
            (
                vec![("GCE_METADATA_HOST", "metadata.google.internal:80")],
                "http://169.254.169.254",
            ),
            (
                vec![("GCE_METADATA_HOST", "127.0.0.1:8080")],
                "http://127.0.0.1:8080",
            ),
            (
                vec![("GCE_METADATA_HOST", "localhost:8080")],
                "http://localhost:8080",
            ),
            (
                vec![("GCE_METADATA_HOST", "[fd20:ce::254]")],
                "http://[fd20:ce::254]",
            ),
            (
                vec![("GCE_METADATA_HOST", "[::1]:8080")],
                "http://[::1]:8080",
            ),
            (
                vec![
                    ("GCE_METADATA_ROOT", "127.0.0.1:1"),
                    ("GCE_METADATA_IP", "127.0.0.1:2"),
                ],
                "http://127.0.0.1:1",
            ),
            (
                vec![("GCE_METADATA_IP", "127.0.0.1:2")],
                "http://127.0.0.1:2",
            ),
            (
                vec![
                    ("GCE_METADATA_HOST", ""),
                    ("GCE_METADATA_ROOT", "127.0.0.1:1"),
                ],
                "http://127.0.0.1:1",
            ),
        ] {
            let found = endpoint(None, &Env::of(variables.clone()));

            assert_eq!(found.unwrap().origin(), expected, "{variables:?}");
        }
        let named = endpoint(
            Some("127.0.0.1:3"),
            &Env::of([("GCE_METADATA_HOST", "127.0.0.1:1")]),
        );
        assert_eq!(named.unwrap().origin(), "http://127.0.0.1:3");
    }

    #[test]
    fn anything_else_is_an_error_that_names_the_variable() {
        for host in [
            "evil.example",
            "10.0.0.1",
            "http://127.0.0.1",
            "127.0.0.1/x",
            "127.0.0.1@evil.example",
            "169.254.1.1",
            "127.0.0.1:99999",
            "a b",
            "127.0.0.1:80:80",
            "100.100.100.200",
        ] {
            let error = endpoint(None, &Env::of([("GCE_METADATA_HOST", host)])).unwrap_err();

            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{host}");
            assert!(error.to_string().contains("GCE_METADATA_HOST"), "{error}");
        }
    }
}
