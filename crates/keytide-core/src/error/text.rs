//! Text that comes from outside, before it stands in an event or an error: [`bounded`].

use std::borrow::Cow;
use std::time::Duration;

/// The text on one line of at most [`LONGEST`] bytes: control characters are escaped, and what is longer is cut.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for character in text.chars() {
        let whole = shown.len();
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
        if shown.len() > LONGEST - CUT.len() {
            shown.truncate(whole);
            shown.push_str(CUT);
            break;
        }
    }
    Cow::Owned(shown)
}

/// [`bounded`], of text that is owned.
pub(crate) fn bounded_string(text: String) -> String {
    match bounded(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

/// A span in words; what is too long to be counted is no number.
pub(crate) fn spoken(span: Duration) -> String {
    if span >= UNCOUNTED {
        "for longer than can be counted".to_owned()
    } else {
        format!("{span:?}")
    }
}

/// For how long something is accepted by its issuer after an end here.
pub(crate) fn accepted(left: Duration) -> String {
    if left.is_zero() {
        "accepted nowhere any more".to_owned()
    } else if left >= UNCOUNTED {
        "accepted elsewhere without an end: take it back at its issuer".to_owned()
    } else {
        format!("accepted elsewhere for another {left:?}")
    }
}

/// 290 years: the engine's clocks end shortly after it.
const UNCOUNTED: Duration = Duration::from_secs(290 * 365 * 24 * 3600);
/// In bytes.
pub(crate) const LONGEST: usize = 1024;
const CUT: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_one_line_of_a_kibibyte_at_most() {
        let exact = "x".repeat(LONGEST);

        assert!(matches!(bounded(&exact), Cow::Borrowed(same) if same == exact));
        assert_eq!(bounded("a\nb\u{1b}[0m\u{85}"), "a\\nb\\u{1b}[0m\\u{85}");
        for long in ["x", "é", "€", "\n", "\u{10ffff}"] {
            let shown = bounded_string(long.repeat(LONGEST + 1));
            assert!(
                shown.len() <= LONGEST && shown.len() > LONGEST - 16,
                "{}",
                shown.len()
            );
            assert!(shown.ends_with(CUT) && !shown.chars().any(char::is_control));
        }
    }
}
