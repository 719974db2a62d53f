//! What goes over the wire, step by step: a pure function of the fault and the good answer.

use std::time::{Duration, SystemTime};

use super::bomb;
use super::fault::{At, Fault, Shown, What};
use super::good::Good;
use super::marks::{CANARY, IN};
use super::reply::Reply;
use super::request::Received;

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Send(Vec<u8>),
    Pause(Duration),
    /// A byte at a time.
    Dribble(Vec<u8>, Duration),
    /// The same again and again, until so many bytes were sent or the client hangs up.
    Repeat(Vec<u8>, Option<u64>),
    /// Until the client hangs up.
    Hang,
    Reset,
    /// The next request on this connection is not answered.
    CloseAtNext,
}

/// How the answer to `asked` goes.
pub(super) fn plan(
    fault: &Fault,
    good: &Good,
    asked: &Received,
    now: SystemTime,
    canary: &str,
) -> Vec<Step> {
    let mut reply = good.answer(asked);
    if !matches!(fault.what, What::Nothing) {
        reply = marked(reply);
    }
    if let What::Field(field, change) = &fault.what
        && let Some(pointer) = good.pointer(*field)
    {
        reply.body = change.apply(&reply.body, pointer);
    }
    let reply = match &fault.what {
        What::Answer(reply) => reply.clone(),
        What::Body(change) => {
            let body = change(std::mem::take(&mut reply.body), canary);
            reply.body(body)
        }
        What::ContentType(text) => reply.without("content-type").header("content-type", *text),
        What::RedirectInCircle => Reply::new(302).header("location", asked.target()),
        _ => reply,
    };
    let reply = filled(reply, now, canary);
    let reply = dated(reply, &fault.what, now);
    sent(&fault.what, &reply)
}

/// The bytes of the answer, under faults of the wire.
fn sent(what: &What, reply: &Reply) -> Vec<Step> {
    let body = &reply.body;
    let length = format!("content-length: {}\r\n", body.len());
    let plain = Head::of(reply);
    let whole = plain.with(&length);
    let half = body.len() / 2;
    let (start, rest) = body.split_at(half);
    match what {
        What::Slow(by) => vec![Step::Pause(*by), Step::Send(joined(&whole, body))],
        What::Dribble(pause) => vec![Step::Dribble(joined(&whole, body), *pause)],
        What::Hang(at) => stopped(*at, &whole, start, vec![Step::Hang]),
        // What was sent before a reset may be thrown away by its receiver, so it gets time to arrive.
        What::Reset(at) => stopped(*at, &whole, start, vec![Step::Pause(ARRIVAL), Step::Reset]),
        What::Truncated => vec![Step::Send(joined(&whole, start))],
        What::ChunksEnd | What::ChunkMalformed => {
            let mut bytes = plain.with("transfer-encoding: chunked\r\n");
            bytes.extend(format!("{half:x}\r\n").bytes());
            bytes.extend(start);
            bytes.extend(b"\r\n");
            if matches!(what, What::ChunkMalformed) {
                bytes.extend(b"no size\r\n");
                bytes.extend(rest);
                bytes.extend(b"\r\n0\r\n\r\n");
            }
            vec![Step::Send(bytes)]
        }
        What::Endless { length: told } => {
            let told_line = told.map(|told| format!("content-length: {told}\r\n"));
            let head = plain.with(&told_line.unwrap_or_default());
            let left = told.map(|told| told.saturating_sub(body.len() as u64));
            vec![
                Step::Send(joined(&head, body)),
                Step::Repeat(vec![b' '; 16 << 10], left),
            ]
        }
        What::GzipBomb => {
            let file = bomb::gzip(body);
            let line = format!(
                "content-encoding: gzip\r\ncontent-length: {}\r\n",
                file.len()
            );
            vec![Step::Send(joined(&plain.with(&line), &file))]
        }
        What::LongHeader => {
            let line = format!("x-long: {}\r\n{length}", "a".repeat(256 << 10));
            vec![Step::Send(joined(&plain.with(&line), body))]
        }
        What::ManyHeaders => {
            let many: String = (0..5000)
                .map(|n| format!("x-header-{n:05}: some value\r\n"))
                .collect();
            vec![Step::Send(joined(&plain.with(&(many + &length)), body))]
        }
        What::EndlessHeaders => {
            let mut open = whole;
            open.truncate(open.len() - 2);
            let line = b"x-more: some value\r\n".repeat(512);
            vec![Step::Send(open), Step::Repeat(line, None)]
        }
        What::Informational => {
            let mut bytes = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
            bytes.extend(b"HTTP/1.1 103 Early Hints\r\nlink: </hint>\r\n\r\n");
            bytes.extend(joined(&whole, body));
            vec![Step::Send(bytes)]
        }
        What::Http10 => {
            let head = Head {
                version: "HTTP/1.0",
                ..plain
            };
            vec![Step::Send(joined(&head.with(""), body))]
        }
        What::ClosedKeepAlive => {
            let head = Head {
                connection: "keep-alive",
                ..plain
            };
            vec![
                Step::Send(joined(&head.with(&length), body)),
                Step::CloseAtNext,
            ]
        }
        _ => vec![Step::Send(joined(&whole, body))],
    }
}

fn stopped(at: At, head: &[u8], half_body: &[u8], end: Vec<Step>) -> Vec<Step> {
    let before = match at {
        At::Accept | At::BeforeHeaders => Vec::new(),
        At::InHeaders => head.get(..head.len() / 2).unwrap_or_default().to_vec(),
        At::AfterHeaders => head.to_vec(),
        At::InBody => joined(head, half_body),
    };
    let mut steps = vec![Step::Send(before)];
    steps.extend(end);
    steps
}

/// Adds the canary to a body that is a JSON object.
fn marked(mut reply: Reply) -> Reply {
    if let Ok(serde_json::Value::Object(mut object)) = serde_json::from_slice(&reply.body) {
        object.insert("x_canary".to_owned(), CANARY.into());
        reply.body = serde_json::Value::Object(object).to_string().into_bytes();
    }
    reply
}

/// Puts the canary and the dates in.
fn filled(mut reply: Reply, now: SystemTime, canary: &str) -> Reply {
    for (_, value) in &mut reply.headers {
        *value = value.replace(CANARY, canary);
        if let Some(ahead) = value.strip_prefix(IN).and_then(|ahead| ahead.parse().ok()) {
            let then = now.checked_add(Duration::from_secs(ahead)).unwrap_or(now);
            *value = httpdate::fmt_http_date(bounded(then));
        }
    }
    let place = CANARY.as_bytes();
    let mut body = Vec::with_capacity(reply.body.len());
    let mut rest = reply.body.as_slice();
    while let Some(first) = rest.first() {
        if let Some(after) = rest.strip_prefix(place) {
            body.extend(canary.bytes());
            rest = after;
        } else {
            body.push(*first);
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    reply.body = body;
    reply
}

fn dated(reply: Reply, what: &What, now: SystemTime) -> Reply {
    let shown = match what {
        What::Date(shown) => shown,
        _ if reply.has("date") => return reply,
        _ => &Shown::Off(0),
    };
    let text = match shown {
        Shown::Nothing => return reply.without("date"),
        Shown::Text(text) => text.clone(),
        Shown::Off(seconds) => {
            let by = Duration::from_secs(seconds.unsigned_abs());
            let shown = if *seconds < 0 {
                now.checked_sub(by)
            } else {
                now.checked_add(by)
            };
            httpdate::fmt_http_date(bounded(shown.unwrap_or(now)))
        }
    };
    reply.without("date").header("date", text)
}

/// What an HTTP date can show: 1970 to 9999.
fn bounded(instant: SystemTime) -> SystemTime {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    instant.clamp(SystemTime::UNIX_EPOCH, last)
}

/// The head of an answer, without what says how long the body is.
struct Head<'a> {
    version: &'static str,
    connection: &'static str,
    reply: &'a Reply,
}

impl<'a> Head<'a> {
    fn of(reply: &'a Reply) -> Self {
        Self {
            version: "HTTP/1.1",
            connection: "close",
            reply,
        }
    }

    fn with(&self, lines: &str) -> Vec<u8> {
        let reply = self.reply;
        let mut text = format!(
            "{} {} {}\r\n",
            self.version,
            reply.status,
            reason(reply.status)
        );
        for (name, value) in &reply.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("connection: {}\r\n{lines}\r\n", self.connection));
        text.into_bytes()
    }
}

fn joined(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, body].concat()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}

const ARRIVAL: Duration = Duration::from_millis(20);
