//! What every provider must do, of `ProjectedToken` over a volume that the test swaps.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use keytide_core::ErrorKind::{Misconfigured, Unavailable};
use keytide_kubernetes::ProjectedToken;
use keytide_testkit::conformance::{self, BadAnswer, Condition, Expires, Fixture, Outcome};

use crate::support::{Volume, claims, now, token, token_of};

/// A pod's volume: its kubelet is the issuer.
struct Kubelet {
    volume: Mutex<Volume>,
    ends: AtomicU64,
}

impl Kubelet {
    fn new() -> Self {
        Self {
            volume: Mutex::new(Volume::with(&token("first"))),
            ends: AtomicU64::new(0),
        }
    }
}

impl Fixture for Kubelet {
    type Provider = ProjectedToken;

    fn provider(&self) -> ProjectedToken {
        let path = self.volume.lock().unwrap().token();
        ProjectedToken::builder(path)
            .audience("https://api.example.com")
            .build()
            .unwrap()
    }

    fn put(&self, condition: &Condition) -> Result<(), String> {
        let mut volume = self.volume.lock().unwrap();
        match condition {
            Condition::Healthy => {
                let claims = claims(3600);
                self.ends.store(now() + 3600, Ordering::Relaxed);
                let number = TOKENS.fetch_add(1, Ordering::Relaxed);
                volume.swap(&token_of(&claims, &format!("signature-{number:04}")));
            }
            Condition::Down => volume.overwrite(b""),
            Condition::NotConfigured => volume.remove_all(),
            Condition::Bad(name) => {
                let bad = contents().into_iter().find(|(known, _, _)| known == name);
                volume.overwrite(&bad.ok_or("there is no such file")?.2);
            }
            _ => return Err("a file does not answer".to_owned()),
        }
        Ok(())
    }

    fn calls(&self) -> Option<u64> {
        // Who opens a file cannot be told.
        None
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    fn expires(&self) -> Expires {
        let ends = Duration::from_secs(self.ends.load(Ordering::Relaxed));
        Expires::At(SystemTime::UNIX_EPOCH + ends)
    }

    fn bad_answers(&self) -> Vec<BadAnswer> {
        let contents = contents().into_iter();
        contents
            .map(|(name, outcome, _)| BadAnswer::new(name, outcome))
            .collect()
    }

    fn body_canaries(&self) -> Vec<String> {
        vec![CANARY.to_owned()]
    }
}

/// What may stand in the file, and what is to be made of it.
fn contents() -> Vec<(&'static str, Outcome, Vec<u8>)> {
    let later = now() + 3600;
    let with = |name, outcome, claims: String| {
        let text = token_of(&claims, &format!("signature-{CANARY}"));
        (name, outcome, text.into_bytes())
    };
    let whole = token_of(&claims(3600), CANARY);
    let half = whole.split('.').take(2).collect::<Vec<_>>().join(".");
    vec![
        ("empty", WAIT, Vec::new()),
        ("blank", WAIT, b"\n\n \n".to_vec()),
        ("half", WAIT, half.into_bytes()),
        ("text", WAIT, format!("{CANARY}, and more").into_bytes()),
        ("html", WAIT, format!("<html>{CANARY}</html>").into_bytes()),
        (
            "binary",
            WAIT,
            [CANARY.as_bytes(), &[0, 159, 146, 150]].concat(),
        ),
        ("long", MEND, CANARY.repeat(100_000).into_bytes()),
        (
            "no-object",
            WAIT,
            token_of(&format!("\"{CANARY}\""), "signature").into_bytes(),
        ),
        with(
            "no-exp",
            MEND,
            format!(r#"{{"aud":"https://api.example.com","sub":"{CANARY}"}}"#),
        ),
        with("exp-string", MEND, format!(r#"{{"exp":"{CANARY}"}}"#)),
        with(
            "exp-past",
            WAIT,
            format!(
                r#"{{"aud":"https://api.example.com","exp":{}}}"#,
                now() - 10
            ),
        ),
        with(
            "other-audience",
            MEND,
            format!(r#"{{"aud":"elsewhere","exp":{later},"jti":"{CANARY}"}}"#),
        ),
    ]
}

#[test]
fn a_projected_token_does_what_every_provider_must() {
    let report = conformance::check(Kubelet::new);

    println!("{report}");
    report.assert_all_but(&[
        // A file has no calls that could be counted, and answers nothing.
        "no-retry",
        "no-clock",
        "dropped-ends",
        "sort-throttled",
        "retry-after",
        "sort-refused",
        "stops-reading",
    ]);
}

/// It may be right the next time.
const WAIT: Outcome = Outcome::Error(&[Unavailable]);
/// Somebody must mend it.
const MEND: Outcome = Outcome::Error(&[Misconfigured]);
const CANARY: &str = "what-the-file-says";
/// Each token is given once in this process.
static TOKENS: AtomicU64 = AtomicU64::new(0);
