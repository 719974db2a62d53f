#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod generation;
mod per_process;

pub use generation::generation;
pub use per_process::PerProcess;
