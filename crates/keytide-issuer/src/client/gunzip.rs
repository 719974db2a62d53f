//! Answers that come compressed though none was asked for: [`gunzip`].

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tokio::task::yield_now;
use zeroize::Zeroizing;

use super::wiped::Wiped;

/// What `compressed` stands for; `None` when that is more than `most` bytes. Yields now and then: a small answer may stand for a
/// large one.
pub(super) async fn gunzip(compressed: &[u8], most: usize) -> io::Result<Option<Wiped>> {
    let mut decoder = MultiGzDecoder::new(compressed);
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    let mut plain = Wiped::default();
    loop {
        let count = decoder.read(&mut piece)?;
        if count == 0 {
            return Ok(Some(plain));
        }
        if plain.len() + count > most {
            return Ok(None);
        }
        plain.push(&piece[..count]);
        yield_now().await;
    }
}

const PIECE: usize = 16 << 10;
