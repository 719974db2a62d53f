//! A request as it arrived: [`Received`].

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt};

/// A request as the server read it. Its `Debug` shows neither values of headers nor the body, for they hold secrets.
#[derive(Clone)]
pub struct Received {
    number: u64,
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    pub(super) progress: Arc<Progress>,
}

/// What became of the answer.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sent: AtomicU64,
    ended: AtomicBool,
}

impl Received {
    /// Which request of this server it is, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The target, as sent: path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first parameter of this name in the query, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = pairs(query);
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// The parameters of the query, decoded, in order.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, String)> {
        pairs(self.target.split_once('?').map_or("", |(_, query)| query)).collect()
    }

    /// The first header of this name, in any case, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter();
        let (_, value) = found.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The headers, in order, names as sent.
    #[must_use]
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The fields of a form body (`application/x-www-form-urlencoded`), in order.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body)).collect()
    }

    /// How many bytes of the answer could be sent until now, headers included: an answer that is cut off by the client
    /// stops growing.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.progress.sent()
    }

    /// Whether nothing more will be sent: the answer is complete, or the client or the fault ended it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.progress.ended.load(Ordering::Acquire)
    }

    /// Reads one request. `None` when the client closed the connection before one began.
    pub(super) async fn read<S: AsyncRead + Unpin>(
        stream: &mut S,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<Self>> {
        let head = loop {
            if let Some(end) = find(buffer, b"\r\n\r\n") {
                break buffer.drain(..end + 4).collect::<Vec<u8>>();
            }
            if buffer.len() > MOST_HEAD {
                return Err(bad("the head of the request is too long"));
            }
            if stream.read_buf(buffer).await? == 0 {
                return if buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let mut asked = Self::parse(&head)?;
        asked.body = match asked.header("transfer-encoding") {
            Some(_) => chunked(stream, buffer).await?,
            None => {
                let length = asked.header("content-length").unwrap_or("0");
                let length = length.parse().map_err(|_| bad("no such length"))?;
                exactly(stream, buffer, length).await?
            }
        };
        Ok(Some(asked))
    }

    pub(super) fn numbered(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    fn parse(head: &[u8]) -> io::Result<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut request = httparse::Request::new(&mut headers);
        request.parse(head).map_err(|_| bad("no HTTP request"))?;
        Ok(Self {
            number: 0,
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            headers: request
                .headers
                .iter()
                .map(|header| (header.name.to_owned(), header.value.to_vec()))
                .collect(),
            body: Vec::new(),
            progress: Arc::default(),
        })
    }
}

impl Progress {
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::AcqRel);
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Received")
            .field("number", &self.number)
            .field("method", &self.method)
            .field("path", &self.path())
            .field("header_names", &names)
            .field("body_bytes", &self.body.len())
            .field("sent", &self.sent())
            .finish_non_exhaustive()
    }
}

async fn exactly<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    length: usize,
) -> io::Result<Vec<u8>> {
    if length > MOST_BODY {
        return Err(bad("the body of the request is too long"));
    }
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.drain(..length).collect())
}

async fn chunked<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = find(buffer, b"\r\n") {
                break end;
            }
            if buffer.len() > MOST_HEAD || stream.read_buf(buffer).await? == 0 {
                return Err(bad("no end of a chunk's size"));
            }
        };
        let line: Vec<u8> = buffer.drain(..end + 2).collect();
        let size = httparse::parse_chunk_size(&line).map_err(|_| bad("no size of a chunk"))?;
        let httparse::Status::Complete((_, size)) = size else {
            return Err(bad("no size of a chunk"));
        };
        let size = usize::try_from(size).map_err(|_| bad("the chunk is too long"))?;
        if size > MOST_BODY || body.len() + size > MOST_BODY {
            return Err(bad("the body of the request is too long"));
        }
        body.extend(exactly(stream, buffer, size).await?);
        // The line break after a chunk; after the last one, trailers are not supported.
        exactly(stream, buffer, 2).await?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

pub(crate) fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                let value = high.zip(low).map(|(high, low)| high * 16 + low);
                out.push(
                    value
                        .and_then(|value| u8::try_from(value).ok())
                        .unwrap_or(b'?'),
                );
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const MOST_HEAD: usize = 1 << 20;
const MOST_BODY: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Received {
        let mut buffer = Vec::new();
        let mut stream = bytes;
        Received::read(&mut stream, &mut buffer)
            .await
            .unwrap()
            .unwrap()
    }

    #[tokio::test]
    async fn a_request_is_read_whole() {
        let asked = read(
            b"POST /token?a=b HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 19\r\n\r\ngrant=a%20b+c&x=&y=",
        )
        .await;
        assert_eq!((asked.method(), asked.path()), ("POST", "/token"));
        assert_eq!(asked.target(), "/token?a=b");
        assert_eq!(asked.query("a").as_deref(), Some("b"));
        assert_eq!(asked.query("b"), None);
        assert_eq!(asked.parameters(), [("a".to_owned(), "b".to_owned())]);
        assert_eq!(asked.header("host"), Some("x"));
        let form = [("grant", "a b c"), ("x", ""), ("y", "")];
        assert_eq!(
            asked.form(),
            form.map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    #[tokio::test]
    async fn a_chunked_request_is_read_whole() {
        let asked = read(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
        )
        .await;
        assert_eq!(asked.body(), b"abcd");
    }
}
