#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod env;
mod file;
mod one_at_a_time;

pub use env::Env;
pub use file::{ReadError, SmallFile, read_small};
pub use one_at_a_time::OneAtATime;
