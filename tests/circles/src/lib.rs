//! Which files of a crate import each other in a circle.
//!
//! A file leads to another where it names something of it: in a `use`, or by a path. What is re-exported is looked for where it
//! is defined, and a re-export that its file does not use itself is no edge: it only shows where something is. A file and its
//! submodule may name each other; a circle is what goes through more than that. Code under `#[cfg(test)]` does not count.
//!
//! It reads Rust by its tokens and not by its grammar, and knows no macros: enough for sources like ours.

mod circle;
mod krate;
mod module;
mod resolve;
mod scan;

pub use circle::Circle;
pub use krate::Crate;
