//! A little gzip that becomes a lot.

use std::sync::OnceLock;

use flate2::{Compress, Compression, Crc, FlushCompress};

/// A gzip file that holds `head`, then 256 MiB of spaces.
pub(super) fn gzip(head: &[u8]) -> Vec<u8> {
    static BLOCK: OnceLock<(Vec<u8>, Crc)> = OnceLock::new();
    let (block, block_sum) = BLOCK.get_or_init(|| {
        let spaces = vec![b' '; BLOCK_SIZE];
        (deflated(&spaces), sum(&spaces))
    });
    // RFC 1952: magic, deflate, no flags, no time, no level, unknown system.
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut total = sum(head);
    file.extend(deflated(head));
    for _ in 0..BLOCKS {
        file.extend_from_slice(block);
        total.combine(block_sum);
    }
    // An empty stored block, marked as the last.
    file.extend([1, 0, 0, 0xff, 0xff]);
    file.extend(total.sum().to_le_bytes());
    file.extend(total.amount().to_le_bytes());
    file
}

/// A piece of a deflate stream that depends on nothing before it, and ends with a whole byte.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(bytes.len() / 2 + 1024);
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(done..).unwrap_or_default();
        let status = compress.compress_vec(rest, &mut out, FlushCompress::Full);
        debug_assert!(status.is_ok(), "deflate has no errors of its own");
        let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        if done >= bytes.len() && out.len() < out.capacity() {
            return out;
        }
        out.reserve(out.capacity());
    }
}

fn sum(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

const BLOCK_SIZE: usize = 1 << 20;
const BLOCKS: usize = 256;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn it_is_small_valid_and_becomes_256_mib() {
        let file = gzip(b"{\"token\":1}");
        assert!(file.len() < 1 << 20, "{} bytes", file.len());

        let mut decoder = flate2::read::GzDecoder::new(file.as_slice());
        let mut head = [0; 12];
        decoder.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"{\"token\":1} ");

        // To the end, so that the checksum is verified.
        let mut rest = vec![0; 1 << 20];
        let mut length = head.len();
        loop {
            match decoder.read(&mut rest).unwrap() {
                0 => break,
                read => length += read,
            }
        }
        assert_eq!(length, 11 + (256 << 20));
    }
}
