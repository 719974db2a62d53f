//! The fault server, seen by a client that looks at bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

use keytide_testkit::server::{At, Change, Fault, FaultServer, Field, Good, Reply};

/// What a client sees that reads to the end, for a second at the most and 8 MiB at the most.
struct Seen {
    text: String,
    bytes: usize,
    end: End,
    took: Duration,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
    Silent,
    Enough,
}

#[expect(clippy::disallowed_methods, reason = "a real server takes real time")]
fn ask_on(stream: &mut TcpStream) -> Seen {
    let begun = Instant::now();
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let request = b"POST /token?x=y HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\na=b";
    let mut bytes = Vec::new();
    let mut end = match stream.write_all(request) {
        Ok(()) => None,
        Err(_) => Some(End::Reset),
    };
    let mut buffer = vec![0; 64 << 10];
    while end.is_none() {
        end = match stream.read(&mut buffer) {
            Ok(0) => Some(End::Closed),
            Ok(read) => {
                bytes.extend(&buffer[..read]);
                (bytes.len() > 8 << 20).then_some(End::Enough)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(End::Reset),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(End::Silent),
            Err(error) => panic!("{error}"),
        };
    }
    Seen {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        bytes: bytes.len(),
        end: end.unwrap(),
        took: begun.elapsed(),
    }
}

fn ask(server: &FaultServer) -> Seen {
    ask_on(&mut TcpStream::connect(server.address()).unwrap())
}

fn body(seen: &Seen) -> &str {
    seen.text.split_once("\r\n\r\n").unwrap().1
}

fn header<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    let (head, _) = seen.text.split_once("\r\n\r\n")?;
    let start = format!("{name}: ");
    head.lines().find_map(|line| line.strip_prefix(&start))
}

/// Waits for what another thread will do at once.
fn soon(what: &str, happens: impl Fn() -> bool) {
    for _ in 0..400 {
        if happens() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not within 2 s: {what}");
}

#[test]
fn a_healthy_server_answers_and_remembers() {
    let server = FaultServer::start(Good::oauth("t-"));

    for number in 1..=2 {
        let seen = ask(&server);
        assert_eq!(seen.end, End::Closed);
        assert!(
            seen.text.starts_with("HTTP/1.1 200 OK\r\n"),
            "{}",
            seen.text
        );
        assert_eq!(
            body(&seen),
            format!(r#"{{"access_token":"t-{number}","expires_in":3600,"token_type":"Bearer"}}"#)
        );
    }

    let requests = server.requests();
    assert_eq!(server.count(), 2);
    assert_eq!(server.connections(), 2);
    let asked = &requests[1];
    assert_eq!((asked.number(), asked.method()), (2, "POST"));
    assert_eq!((asked.target(), asked.path()), ("/token?x=y", "/token"));
    assert_eq!(
        (asked.header("Host"), asked.body()),
        (Some("h"), &b"a=b"[..])
    );
    assert!(asked.is_over());
    assert!(!format!("{asked:?}").contains("a=b"), "{asked:?}");
}

#[test]
fn faults_follow_the_script_and_end_when_it_is_healed() {
    let server = FaultServer::start(|asked: &keytide_testkit::server::Received| {
        Reply::new(200).body(format!("good {}", asked.number()))
    });
    server
        .then(Fault::status(502))
        .then(Fault::none())
        .then(Fault::reset(At::Accept))
        .set(Fault::status(503));

    assert!(ask(&server).text.starts_with("HTTP/1.1 502 "));
    assert_eq!(body(&ask(&server)), "good 2");
    assert_eq!(ask(&server).end, End::Reset);
    assert!(ask(&server).text.starts_with("HTTP/1.1 503 "));
    assert!(ask(&server).text.starts_with("HTTP/1.1 503 "));
    server.then(Fault::status(502)).heal();
    assert_eq!(body(&ask(&server)), "good 5");
    assert_eq!(server.connections(), 6);
}

#[test]
fn faults_befall_only_the_requests_that_they_concern() {
    let server = FaultServer::start(Good::oauth("t-"));
    server
        .faults_only(|asked| asked.path() == "/other")
        .set(Fault::status(500));
    assert!(ask(&server).text.starts_with("HTTP/1.1 200 "));

    server.faults_only(|asked| asked.path() == "/token");
    assert!(ask(&server).text.starts_with("HTTP/1.1 500 "));
}

#[test]
fn a_server_that_hangs_is_silent_from_that_point_on() {
    let server = FaultServer::start(Good::oauth("t-"));
    for (at, sent) in [
        (At::Accept, ""),
        (At::BeforeHeaders, ""),
        (At::InHeaders, "HTTP/1.1 200 OK\r\ncontent-type"),
        (At::AfterHeaders, "\r\n\r\n"),
        (At::InBody, "\r\n\r\n{\"access_token\""),
    ] {
        server.set(Fault::hang(at));
        let seen = ask(&server);
        assert_eq!(seen.end, End::Silent, "{at:?}");
        assert!(seen.text.contains(sent), "{at:?}: {}", seen.text);
        let whole = seen.text.contains("\r\n\r\n");
        assert_eq!(whole, matches!(at, At::AfterHeaders | At::InBody), "{at:?}");
    }
    soon("the server notices clients that left", || {
        server.open() == 0
    });
}

#[test]
fn a_server_that_resets_does_so_with_a_reset() {
    let server = FaultServer::start(Good::oauth("t-"));
    for at in [
        At::Accept,
        At::BeforeHeaders,
        At::InHeaders,
        At::AfterHeaders,
        At::InBody,
    ] {
        server.set(Fault::reset(at));
        let seen = ask(&server);
        assert_eq!(seen.end, End::Reset, "{at:?}: {}", seen.text);
        let head = seen.text.contains("\r\n\r\n");
        assert_eq!(head, matches!(at, At::AfterHeaders | At::InBody), "{at:?}");
    }
}

#[test]
fn bodies_end_too_early() {
    let server = FaultServer::start(Good::oauth("t-"));

    server.set(Fault::truncated());
    let seen = ask(&server);
    let told: usize = header(&seen, "content-length").unwrap().parse().unwrap();
    assert_eq!(seen.end, End::Closed);
    assert_eq!(body(&seen).len(), told / 2);

    server.set(Fault::unfinished_chunks());
    let seen = ask(&server);
    assert_eq!(seen.end, End::Closed);
    assert_eq!(header(&seen, "transfer-encoding"), Some("chunked"));
    assert!(!seen.text.ends_with("0\r\n\r\n"), "{}", seen.text);

    server.set(Fault::malformed_chunk());
    assert!(body(&ask(&server)).contains("no size"));
}

#[test]
fn bodies_and_headers_without_end_stop_when_the_client_does() {
    let server = FaultServer::start(Good::oauth("t-"));
    for fault in [
        Fault::endless_body(),
        Fault::huge_body(),
        Fault::endless_headers(),
    ] {
        server.forget();
        server.set(fault.clone());
        let seen = ask(&server);
        assert_eq!(seen.end, End::Enough, "{fault}");

        soon("the client has gone", || server.requests()[0].is_over());
        let sent = server.requests()[0].sent();
        assert!(sent >= seen.bytes as u64, "{fault}: {sent}");
        assert!(sent < 40 << 20, "{fault}: {sent}");
    }
    server.set(Fault::huge_body());
    let seen = ask(&server);
    let told: u64 = header(&seen, "content-length").unwrap().parse().unwrap();
    assert!(told > 9_999_999_000, "{told}");
}

#[test]
fn headers_are_longer_than_64_kib() {
    let server = FaultServer::start(Good::oauth("t-"));
    for fault in [Fault::long_header(), Fault::many_headers()] {
        server.set(fault);
        let seen = ask(&server);
        assert!(seen.text.find("\r\n\r\n").unwrap() > 64 << 10);
        assert!(body(&seen).contains("access_token"));
    }
}

#[test]
fn the_gzip_bomb_is_small_on_the_wire() {
    let server = FaultServer::start(Good::oauth("t-"));
    server.set(Fault::gzip_bomb());

    let seen = ask(&server);

    assert_eq!(header(&seen, "content-encoding"), Some("gzip"));
    assert!(seen.bytes < 1 << 20, "{}", seen.bytes);
}

#[test]
fn slow_answers_are_slow_and_whole() {
    let server = FaultServer::start(Good::oauth("t-"));
    let pause = Duration::from_millis(200);
    server.set(Fault::slow(pause));
    let seen = ask(&server);
    assert!(seen.took >= pause && body(&seen).contains("t-1"));

    server.set(Fault::dribble(Duration::from_millis(1)));
    let seen = ask(&server);
    assert!(seen.took >= pause, "{:?}", seen.took);
    assert!(body(&seen).ends_with('}'));
}

#[test]
fn odd_answers_are_odd() {
    let server = FaultServer::start(Good::oauth("t-"));
    server.time_from(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    let shown = |fault: &str| {
        server.set(Fault::named(fault).unwrap());
        ask(&server)
    };
    let date = |fault| header(&shown(fault), "date").map(ToOwned::to_owned);
    let wait = |fault| header(&shown(fault), "retry-after").map(ToOwned::to_owned);

    assert_eq!(
        date("429").as_deref(),
        Some("Sun, 09 Sep 2001 01:46:40 GMT")
    );
    assert_eq!(
        date("date-2h-ahead").as_deref(),
        Some("Sun, 09 Sep 2001 03:46:40 GMT")
    );
    assert_eq!(
        date("date-2h-behind").as_deref(),
        Some("Sat, 08 Sep 2001 23:46:40 GMT")
    );
    assert_eq!(date("date-absent"), None);
    assert_eq!(date("date-garbage").as_deref(), Some("yesterday, perhaps"));
    assert_eq!(wait("429"), None);
    assert_eq!(wait("429-retry-after-seconds").as_deref(), Some("7"));
    assert_eq!(
        wait("429-retry-after-date").as_deref(),
        Some("Sun, 09 Sep 2001 01:46:47 GMT")
    );
    assert_eq!(wait("429-retry-after-a-day").as_deref(), Some("86400"));
    assert_eq!(wait("429-retry-after-negative").as_deref(), Some("-5"));
    assert!(
        wait("429-retry-after-garbage")
            .unwrap()
            .starts_with("soon ")
    );
    assert_eq!(
        header(&shown("302-in-circle"), "location"),
        Some("/token?x=y")
    );
    assert!(
        header(&shown("302-to-metadata"), "location")
            .unwrap()
            .starts_with("http://169.254.169.254/")
    );
    assert!(shown("informational").text.starts_with("HTTP/1.1 100 "));
    assert!(shown("http-1.0").text.starts_with("HTTP/1.0 200 "));
    assert_eq!(body(&shown("empty-200")), "");
    assert_eq!(
        header(&shown("content-type-html"), "content-type"),
        Some("text/html")
    );
}

#[test]
fn a_date_of_the_good_answer_stays_until_a_fault_changes_it() {
    let server = FaultServer::start(|_: &keytide_testkit::server::Received| {
        Reply::new(200).header("date", "the good one")
    });
    let dates = || {
        let seen = ask(&server);
        let dates = seen.text.lines().filter(|line| line.starts_with("date: "));
        dates.map(ToOwned::to_owned).collect::<Vec<_>>()
    };

    assert_eq!(dates(), ["date: the good one"]);
    server.set(Fault::date(Some("another")));
    assert_eq!(dates(), ["date: another"]);
}

#[test]
fn a_kept_connection_is_closed_when_it_is_used_again() {
    let server = FaultServer::start(Good::oauth("t-"));
    server.set(Fault::closed_keep_alive());
    let mut stream = TcpStream::connect(server.address()).unwrap();

    let first = ask_on(&mut stream);
    let second = ask_on(&mut stream);

    assert!(body(&first).contains("t-1"));
    assert_eq!(first.end, End::Silent);
    assert_eq!((second.end, second.bytes), (End::Reset, 0));
    assert_eq!(server.count(), 1);
}

#[test]
fn a_field_is_changed_where_the_good_answer_says_that_it_is() {
    let good = Good::json(|_| serde_json::json!({"data": {"key": "k", "ttl": 900}}))
        .field(Field::Token, "/data/key")
        .field(Field::Lifetime, "/data/ttl");
    let server = FaultServer::start(good);
    server.set(Fault::field(Field::Lifetime, Change::bad("huge", "1e300")));

    let seen = ask(&server);

    assert!(body(&seen).contains(r#""ttl":1e300"#), "{}", seen.text);
    let applicable = |name: &str| {
        let fault = Fault::named(name).unwrap();
        fault.not_applicable(server.good(), false)
    };
    assert_eq!(applicable("token-empty"), None);
    assert_eq!(
        applicable("token-type-mac").as_deref(),
        Some("the good answer names no token-type field")
    );
}

#[test]
fn every_body_of_a_fault_holds_the_canary() {
    let server = FaultServer::start(Good::oauth("t-"));
    let without = [
        // Nothing is sent, or not enough.
        "hang-at-accept",
        "hang-before-headers",
        "hang-in-headers",
        "hang-after-headers",
        "reset-at-accept",
        "reset-before-headers",
        "reset-in-headers",
        "reset-after-headers",
        "hang-in-body",
        "reset-in-body",
        "truncated",
        "chunked-unfinished",
        "endless-headers",
        // It is packed.
        "gzip-bomb",
        // What is wrong leaves no room.
        "empty-200",
        "500-empty",
        "302-in-circle",
        "body-null",
        "body-empty-object",
    ];
    for fault in Fault::all() {
        if fault.not_applicable(server.good(), false).is_some() || without.contains(&fault.name()) {
            continue;
        }
        server.set(fault.clone());
        let seen = ask(&server);
        let canary = server.body_canary();
        assert!(
            body(&seen).contains(canary),
            "{fault}: {}",
            &seen.text[..500.min(seen.text.len())]
        );
        assert!(!seen.text.contains("{canary}"), "{fault}");
    }
    server.heal();
    assert!(!ask(&server).text.contains(server.body_canary()));
}

#[test]
fn a_stopped_server_refuses_and_comes_back_on_its_port() {
    let server = FaultServer::start(Good::oauth("t-"));
    let kept = TcpStream::connect(server.address()).unwrap();
    soon("the connection has come", || server.open() == 1);

    server.stop();

    let refused = TcpStream::connect(server.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(server.open(), 0);
    drop(kept);
    server.restart();
    assert!(body(&ask(&server)).contains("t-1"));
}

/// A thread of each server would be there still: those of the tests beside this one are few.
#[cfg(target_os = "linux")]
#[test]
fn a_dropped_server_leaves_no_thread() {
    const SERVERS: usize = 100;
    for _ in 0..SERVERS {
        let server = FaultServer::start(Good::oauth("t-"));
        server.set(Fault::hang(At::AfterHeaders));
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        soon("the request has come", || server.count() == 1);
        assert!(threads_of_servers() > 0);
    }
    assert!(threads_of_servers() < SERVERS);
}

#[cfg(target_os = "linux")]
fn threads_of_servers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between the list and the look.
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "fault-server").count()
}

#[tokio::test(start_paused = true)]
async fn it_answers_a_client_whose_time_is_paused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = FaultServer::start(Good::oauth("t-"));
    server.set(Fault::slow(Duration::from_millis(50)));

    let mut stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();

    assert!(text.contains("t-1"));
}
