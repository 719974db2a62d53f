//! A way through a proxy: [`tunnel`].

use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fault::Fault;
use super::flow::Stream;

/// Has the proxy at the other end connect on to `host:port` (RFC 9110, section 9.3.6). Sends what authorises us with the
/// proxy, if there is something, and nothing else.
pub(super) async fn tunnel(
    stream: &mut (dyn Stream + '_),
    proxy: &str,
    target: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(), Fault> {
    let broken = |error: std::io::Error| Fault::Proxy(format!("{proxy} broke off: {error}"));
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(value) = authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let written = stream.write_all(&head).await;
    zeroize::Zeroize::zeroize(&mut head);
    written.map_err(broken)?;
    stream.flush().await.map_err(broken)?;

    let mut answer = Vec::with_capacity(512);
    // Byte for byte: what follows the head is the issuer's.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MOST_HEAD {
            return Err(Fault::Proxy(format!(
                "{proxy} answers with a head of over 8 KiB"
            )));
        }
        let byte = stream.read_u8().await.map_err(broken)?;
        answer.push(byte);
    }
    match status(&answer) {
        Some(200..=299) => Ok(()),
        Some(407) => Err(Fault::Proxy(format!(
            "{proxy} answers 407: give it a user name and a password, as http://user:password@host"
        ))),
        Some(status) => Err(Fault::Proxy(format!("{proxy} answers {status}"))),
        None => Err(Fault::Proxy(format!("{proxy} does not speak HTTP"))),
    }
}

/// The status in `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    let digits = line.get(2..5).filter(|_| line.get(1) == Some(&b' '))?;
    let ends = matches!(line.get(5), Some(b' ' | b'\r'));
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (ends && digits.iter().all(u8::is_ascii_digit)).then_some(status)
}

const MOST_HEAD: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_proxy_is_read_strictly() {
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            ("HTTP/1.0 200\r\n\r\n", Some(200)),
            ("HTTP/1.1 407 Who?\r\n\r\n", Some(407)),
            ("HTTP/1.1 2000 OK\r\n\r\n", None),
            ("HTTP/1.1 +20 OK\r\n\r\n", None),
            ("HTTP/2 200\r\n\r\n", None),
            ("SSH-2.0-server\r\n\r\n", None),
            ("\r\n\r\n", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[tokio::test]
    async fn a_tunnel_takes_no_byte_of_what_is_behind_it() {
        let (mut near, mut far) = tokio::io::duplex(1 << 10);
        let answer = "HTTP/1.1 200 OK\r\nx: y\r\n\r\nbehind";
        far.write_all(answer.as_bytes()).await.unwrap();
        let authorization = HeaderValue::from_static("Basic eA==");

        let through = tunnel(
            &mut near,
            "http://proxy:1",
            "a.example:443",
            Some(&authorization),
        );
        through.await.unwrap();

        let mut rest = [0; 6];
        near.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"behind");
        let mut asked = vec![0; 256];
        let length = far.read(&mut asked).await.unwrap();
        assert_eq!(
            String::from_utf8_lossy(&asked[..length]),
            "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nProxy-Authorization: Basic eA==\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn a_proxy_that_says_no_or_talks_without_end_is_an_error_that_names_it() {
        let endless = "x".repeat(9 << 10);
        for (answer, expected) in [
            ("HTTP/1.1 407 Who?\r\n\r\n", "answers 407"),
            ("HTTP/1.1 502 Bad\r\n\r\n", "answers 502"),
            ("hello\r\n\r\n", "does not speak HTTP"),
            ("HTTP/1.1 200 OK\r\n", "broke off"),
            (endless.as_str(), "over 8 KiB"),
        ] {
            let (mut near, mut far) = tokio::io::duplex(16 << 10);
            far.write_all(answer.as_bytes()).await.unwrap();
            far.shutdown().await.unwrap();

            let through = tunnel(&mut near, "http://proxy:1", "a.example:443", None).await;

            let Err(Fault::Proxy(told)) = through else {
                panic!("{answer}: {through:?}");
            };
            assert!(
                told.contains("http://proxy:1") && told.contains(expected),
                "{told}"
            );
        }
    }
}
