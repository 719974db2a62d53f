//! After rotation and drop no copy of a secret that we own is left in memory.
//!
//! The scanner reads the process's own memory. It knows the secret only masked, so that it does not find itself, and
//! first shows that it finds the secret while it lives.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Error, Issued, Profile, ProvideCredential, Reason, Request, Secret,
};

const MASK: u8 = 0xA5;
const LENGTH: usize = 48;

/// The nth secret, masked: no two share a run of bytes.
fn masked(number: u8) -> [u8; LENGTH] {
    std::array::from_fn(|index| {
        let mixed = (index as u8)
            .wrapping_mul(37)
            .wrapping_add(number.wrapping_mul(101))
            % 64;
        (b'0' + mixed) ^ MASK
    })
}

#[derive(Default)]
struct Numbered(AtomicU8);

impl ProvideCredential for Numbered {
    fn profile(&self) -> Profile {
        Profile::bearer("numbered").answers_at_once()
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let number = 1 + self.0.fetch_add(1, Ordering::SeqCst);
        let mut bytes = Vec::with_capacity(2 * LENGTH);
        bytes.extend(masked(number).iter().map(|byte| byte ^ MASK));
        Ok(Issued::bearer(Secret::new(bytes)).expires_in(Duration::from_secs(60)))
    }
}

/// How often the nth secret stands in writable memory.
fn copies(number: u8, buffer: &mut [u8]) -> usize {
    let needle = masked(number);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'))
            .unwrap();
        let (mut at, end) = (
            u64::from_str_radix(start, 16).unwrap(),
            u64::from_str_radix(end, 16).unwrap(),
        );
        while at < end {
            if own.contains(&at) {
                at = own.end;
                continue;
            }
            let stop = if at < own.start {
                end.min(own.start)
            } else {
                end
            };
            let wanted = usize::try_from(stop - at).unwrap().min(buffer.len());
            let Ok(read) = memory.read_at(&mut buffer[..wanted], at) else {
                break;
            };
            if read < LENGTH {
                break;
            }
            found += buffer[..read]
                .windows(LENGTH)
                .filter(|window| {
                    window
                        .iter()
                        .zip(&needle)
                        .all(|(byte, masked)| byte ^ MASK == *masked)
                })
                .count();
            at += (read - LENGTH + 1) as u64;
        }
    }
    buffer.fill(0);
    found
}

fn main() {
    a_secret_is_wiped_when_its_last_borrower_lets_go();
}

fn a_secret_is_wiped_when_its_last_borrower_lets_go() {
    let mut buffer = vec![0; 1 << 20];
    let identity = AgentIdentity {
        agent_type: "scanned".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    let cache = agent.cache(Numbered::default()).build().unwrap();
    let mut handle = cache.handle();

    let owned = cache.get_blocking(Duration::from_secs(5)).unwrap();
    handle
        .read(|credential| assert_eq!(credential.expose_bearer("test").unwrap().len(), LENGTH))
        .unwrap();
    assert_eq!(
        copies(1, &mut buffer),
        1,
        "the scanner finds the secret while it lives, once"
    );

    let refreshed = std::pin::pin!(cache.refresh_now());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(std::future::Future::poll(refreshed, &mut context).is_ready());
    assert_eq!(copies(2, &mut buffer), 1);
    assert_eq!(copies(1, &mut buffer), 1, "its borrowers still hold it");
    drop(owned);
    handle.read(|_| ()).unwrap();
    assert_eq!(
        copies(1, &mut buffer),
        0,
        "wiped after rotation, once its borrowers let go"
    );
    println!("a_secret_is_wiped_when_its_last_borrower_lets_go, after rotation: ok");

    let shared = handle
        .read(|credential| credential.share_bearer("test").unwrap())
        .unwrap();
    assert_eq!(copies(2, &mut buffer), 1, "a share is no copy");
    drop(agent.terminate(Reason::Finished));
    assert!(handle.read(|_| ()).is_err());
    assert_eq!(copies(2, &mut buffer), 1, "the share still holds it");
    drop(shared);
    assert_eq!(copies(2, &mut buffer), 0, "wiped by termination");
    println!("a_secret_is_wiped_when_its_last_borrower_lets_go, after termination: ok");
}
