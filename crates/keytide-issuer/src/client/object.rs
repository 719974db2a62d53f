//! JSON from an issuer, read strictly: [`read_object`].

use keytide_core::Error;
use serde::de::DeserializeOwned;

use crate::token_text::without_bom;

/// Reads an answer's body as one JSON object. `what` begins the error, such as `the answer`.
///
/// It must be an object: serde would also read an array, as the fields of a struct in their order. A field that stands
/// twice is an error, as derived structs have it. A mark of UTF-8 before it is passed over (RFC 8259, section 8.1). The
/// parser's own message may quote the body, and is dropped.
///
/// # Errors
/// [`Unavailable`](keytide_core::ErrorKind::Unavailable), saying what stands there instead.
pub fn read_object<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Error> {
    let mend = "check the URL, and that nothing answers in the issuer's place";
    read_object_of(what, mend, body)
}

/// The same for what did not come from a URL, such as the output of a command: `mend` ends the error, and says what to look
/// at.
///
/// # Errors
/// Those of [`read_object`].
pub fn read_object_of<T: DeserializeOwned>(
    what: &str,
    mend: &str,
    body: &[u8],
) -> Result<T, Error> {
    let body = without_bom(body);
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let read = serde_json::from_slice(body).ok();
    read.filter(|_| first == Some(&b'{')).ok_or_else(|| {
        let problem = match first {
            None => "is empty",
            Some(b'<') => "is HTML or XML",
            Some(b'{') => "is broken JSON, or has a field twice or of the wrong type",
            Some(_) => "is not a JSON object",
        };
        Error::unavailable(format!("{what} {problem}: {mend}"))
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Told {
        token: String,
        #[serde(default)]
        lifetime: u64,
    }

    #[test]
    fn only_one_whole_object_is_read_and_nothing_of_the_rest_is_quoted() {
        let told: Told = read_object("the answer", b" {\"token\":\"t\",\"x\":[1]}\n").unwrap();
        assert_eq!((told.token.as_str(), told.lifetime), ("t", 0));
        let marked: Told = read_object("it", "\u{feff}{\"token\":\"t\"}".as_bytes()).unwrap();
        assert_eq!(marked.token, "t");

        for (body, problem) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("<html>canary</html>", "is HTML"),
            ("canary", "is not a JSON object"),
            ("[\"canary\",60]", "is not a JSON object"),
            ("\"canary\"", "is not a JSON object"),
            ("{\"token\":\"canary\"", "broken JSON"),
            ("{\"token\":\"canary\"} canary", "broken JSON"),
            ("{\"token\":\"canary\",\"token\":\"b\"}", "twice"),
            ("{\"token\":7}", "wrong type"),
            ("{}", "wrong type"),
        ] {
            let error = read_object::<Told>("the answer", body.as_bytes()).unwrap_err();

            let text = format!("{error} {error:?}");
            assert!(text.contains(problem), "{body}: {text}");
            assert!(!text.contains("canary"), "{text}");
        }
        let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read_object::<Told>("the answer", deep.as_bytes()).is_err());
    }
}
