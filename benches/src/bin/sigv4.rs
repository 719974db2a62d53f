//! Signing a request: `keytide_sigv4::SigV4` beside `aws-sigv4`, in CPU time of this thread, within one run.
//!
//! ```sh
//! cargo run --release -p keytide-benches --features sigv4 --bin sigv4
//! ```

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderMap, HeaderValue, Request, Uri};
use keytide_bench::{CountingAllocator, Rounds, allocations_of, goals, thread_cpu};
use keytide_http::{Attach, AttachProfile, Outgoing};
use keytide_sigv4::{SigV4, SigningKeys};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

struct Case {
    name: &'static str,
    request: Request<Vec<u8>>,
    signs: u64,
}

fn main() -> ExitCode {
    println!(
        "{:<34} {:>9} {:>9} {:>7} {:>7} {:>7}",
        "", "keytide", "aws-sigv4", "ratio", "allocs", "allocs"
    );
    let mut met = true;
    for case in cases() {
        let (ours, theirs) = (Ours::new(), Theirs::new());
        let same = ours.sign(&case) == theirs.sign(&case);
        let names = [OURS.to_owned(), THEIRS.to_owned()];
        let rounds = Rounds::of(&names, ROUNDS, |index| {
            let before = thread_cpu();
            for _ in 0..case.signs {
                if index == 0 {
                    black_box(ours.sign(&case));
                } else {
                    black_box(theirs.sign(&case));
                }
            }
            (thread_cpu() - before).as_nanos() as f64 / case.signs as f64
        });
        let ratio = rounds.ratio(OURS, THEIRS);
        println!(
            "{:<34} {:>6.0} ns {:>6.0} ns {:>7.3} {:>7} {:>7}{}",
            case.name,
            rounds.nanos(OURS),
            rounds.nanos(THEIRS),
            ratio,
            allocations_of(|| ours.sign(&case)).1,
            allocations_of(|| theirs.sign(&case)).1,
            if same { "" } else { "  the signatures differ" },
        );
        met &= same && goals::SIGNATURE.met(ratio);
    }
    let (measure, wanted) = (goals::SIGNATURE.measure(), goals::SIGNATURE.wanted());
    println!("goal: {measure}: {wanted}, median of {ROUNDS} interleaved rounds");
    if met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn cases() -> [Case; 4] {
    let headers = |request: http::request::Builder| {
        request
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("x-amz-target", "DynamoDB_20120810.GetItem")
    };
    let get = Request::get("https://invoices.s3.eu-central-1.amazonaws.com/2026/11/24/4711.pdf");
    let list =
        Request::get("https://api.example.com/items?limit=50&after=a%20b&sort=desc&owner=payments");
    let post = Request::post("https://dynamodb.eu-central-1.amazonaws.com/");
    [
        Case { name: "GET, a path", request: get.body(Vec::new()).expect("it is one"), signs: 2_000 },
        Case { name: "GET, four query parameters", request: list.body(Vec::new()).expect("it is one"), signs: 2_000 },
        Case { name: "POST, 512 bytes, three headers", request: headers(post).body(vec![b'x'; 512]).expect("it is one"), signs: 2_000 },
        Case {
            name: "POST, 8 KiB, three headers",
            request: headers(Request::post("https://bedrock-runtime.eu-central-1.amazonaws.com/model/anthropic.claude-3/invoke"))
                .body(vec![b'x'; 8 * 1024])
                .expect("it is one"),
            signs: 1_000,
        },
    ]
}

/// What each gives: date, authorization and token.
type Signed = [Option<HeaderValue>; 3];

fn signed(headers: &HeaderMap) -> Signed {
    ["x-amz-date", "authorization", "x-amz-security-token"].map(|name| headers.get(name).cloned())
}

struct Ours {
    sigv4: SigV4,
    profile: AttachProfile,
    keys: SigningKeys,
}

impl Ours {
    fn new() -> Self {
        let sigv4 = SigV4::builder(REGION, SERVICE)
            .build()
            .expect("region and service are good");
        let keys = sigv4
            .keys(KEY_ID, SECRET.as_bytes(), Some(token().as_bytes()))
            .expect("the keys are good");
        Self {
            profile: sigv4.profile(),
            sigv4,
            keys,
        }
    }

    fn sign(&self, case: &Case) -> Signed {
        let mut headers = case.request.headers().clone();
        let uri: &Uri = case.request.uri();
        let body = Some(case.request.body().as_slice());
        let mut request = Outgoing::new(
            &self.profile,
            case.request.method(),
            uri,
            &mut headers,
            body,
            now(),
        )
        .expect("the request is good");
        self.sigv4
            .attach(&self.keys, &mut request)
            .expect("it can be signed");
        signed(&headers)
    }
}

struct Theirs {
    identity: Identity,
    settings: SigningSettings,
}

impl Theirs {
    fn new() -> Self {
        let credentials = Credentials::new(KEY_ID, SECRET, Some(token()), None, "bench");
        Self {
            identity: credentials.into(),
            settings: SigningSettings::default(),
        }
    }

    fn sign(&self, case: &Case) -> Signed {
        let mut request = Request::new(());
        *request.headers_mut() = case.request.headers().clone();
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(REGION)
            .name(SERVICE)
            .time(now())
            .settings(self.settings.clone())
            .build()
            .expect("all is given")
            .into();
        let headers = case.request.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.as_str(), value.to_str().expect("it is text")));
        let body = SignableBody::Bytes(case.request.body());
        let uri = case.request.uri().to_string();
        let signable = SignableRequest::new(case.request.method().as_str(), uri, headers, body)
            .expect("the request is good");
        let (instructions, _) = sign(signable, &params)
            .expect("it can be signed")
            .into_parts();
        instructions.apply_to_request_http1x(&mut request);
        signed(request.headers())
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// About as long as those of STS.
fn token() -> String {
    "IQoJb3JpZ2luX2VjE".repeat(50)
}

const OURS: &str = "keytide";
const THEIRS: &str = "aws-sigv4";
const REGION: &str = "eu-central-1";
const SERVICE: &str = "execute-api";
const KEY_ID: &str = "ASIAEXAMPLEEXAMPLE01";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const ROUNDS: usize = 30;
