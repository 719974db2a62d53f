//! What is kept, what is shown of it, and what is left of it.

use crate::*;

#[test]
fn nothing_secret_is_shown() {
    let sigv4 = SigV4::builder("us-east-1", "s3").build().unwrap();
    let keys = sigv4
        .keys(KEY_ID, SECRET.as_bytes(), Some(b"canary-token"))
        .unwrap();
    let get = ("GET", "https://b.s3.amazonaws.com/k");
    let headers = signed(&sigv4, &keys, get, HeaderMap::new(), Some(b""), at(NOW)).unwrap();

    let shown = format!("{sigv4:?} {keys:?} {headers:?}");

    for secret in [SECRET, "canary-token", "Signature=", KEY_ID] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for name in ["authorization", "x-amz-security-token", "x-amz-date"] {
        assert!(headers[name].is_sensitive(), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_secret_and_the_signing_key_are_gone_once_the_keys_are_dropped() {
    use std::hint::black_box;

    use zeroize::Zeroizing;

    // An allocator writes over the first bytes of what it is given back, so the last ones are looked for.
    let tail = &MASKED_SECRET[16..];
    // Given: keys of a secret that stands nowhere else in memory unmasked, used on the day of the masked signing key.
    let (sigv4, _) = signer("sqs");
    let mut secret = Zeroizing::new(Vec::with_capacity(MASKED_SECRET.len()));
    for byte in &MASKED_SECRET {
        secret.push(byte ^ black_box(MASK));
    }
    let keys = sigv4.keys(KEY_ID, secret.as_slice(), None).unwrap();
    drop(secret);
    let get = ("GET", "https://sqs.us-east-1.amazonaws.com/");
    drop(signed(&sigv4, &keys, get, HeaderMap::new(), Some(b""), at(NOW)).unwrap());
    assert!(found(tail) > 0, "the scanner finds what is there");

    // When
    drop(keys);

    // Then
    assert_eq!(found(tail), 0, "the secret");
    assert_eq!(found(&MASKED_KEY), 0, "the derived key");
}

/// How often the unmasked bytes stand in the writable memory of this process.
#[cfg(target_os = "linux")]
fn found(masked: &[u8]) -> usize {
    use std::fs::{File, read_to_string};
    use std::os::unix::fs::FileExt;

    let memory = File::open("/proc/self/mem").unwrap();
    let maps = read_to_string("/proc/self/maps").unwrap();
    let mut count = 0;
    let mut chunk = vec![0; 1 << 20];
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (address(start), address(end));
        while at < end {
            let wanted = chunk.len().min(usize::try_from(end - at).unwrap());
            let Ok(read) = memory.read_at(&mut chunk[..wanted], at) else {
                break;
            };
            let windows = chunk[..read].windows(masked.len());
            count += windows
                .filter(|window| {
                    window
                        .iter()
                        .zip(masked)
                        .all(|(byte, masked)| byte ^ MASK == *masked)
                })
                .count();
            if read < masked.len() {
                break;
            }
            // A match across the end of a chunk is found in the next.
            at += u64::try_from(if read == wanted && at + (read as u64) < end {
                read - masked.len() + 1
            } else {
                read
            })
            .unwrap();
        }
    }
    // The scanner's own copy of a page that matched.
    chunk.fill(0);
    black_box_drop(chunk);
    count
}

#[cfg(target_os = "linux")]
fn black_box_drop(chunk: Vec<u8>) {
    drop(std::hint::black_box(chunk));
}

#[cfg(target_os = "linux")]
const MASK: u8 = 0x5a;

/// A secret of this test alone.
#[cfg(target_os = "linux")]
const MASKED_SECRET: [u8; 40] = [
    57, 59, 52, 59, 40, 35, 119, 41, 63, 57, 40, 63, 46, 119, 53, 60, 119, 46, 50, 63, 119, 55, 63,
    55, 53, 40, 35, 119, 46, 63, 41, 46, 119, 106, 107, 104, 105, 110, 111, 108,
];

/// What it becomes for 20150830, us-east-1, sqs.
#[cfg(target_os = "linux")]
const MASKED_KEY: [u8; 32] = [
    227, 176, 95, 219, 91, 228, 208, 116, 179, 228, 231, 94, 224, 87, 198, 216, 96, 139, 154, 247,
    42, 219, 153, 182, 244, 152, 33, 151, 107, 69, 192, 251,
];
