//! What is printed. A reader that has gone away is no reason to panic.

use std::io::Write as _;

/// Prints to stdout.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Tells the user something beside the output.
pub(crate) fn note(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "keytide: {text}");
}
