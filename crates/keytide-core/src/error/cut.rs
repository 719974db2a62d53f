//! Causes that would fill a page: [`cut`].

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use super::text::bounded;
use crate::sync::caught;

type Source = Box<dyn StdError + Send + Sync>;

/// The cause as it is, where all that it and what stands behind it says is a line of 1 KiB each; else their text.
pub(super) fn cut(source: Source) -> Source {
    let told = caught(|| {
        let first: &(dyn StdError + 'static) = &*source;
        let chain = std::iter::successors(Some(first), |error| (*error).source());
        chain
            .take(DEEPEST)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    });
    // It is a user's, and may panic.
    let Some(told) = told else {
        return source;
    };
    let fits = |text: &String| matches!(bounded(text), Cow::Borrowed(_));
    if told.iter().all(fits) {
        return source;
    }
    let behind = told.iter().rev().fold(None, |behind, text| {
        let text = bounded(text).into_owned();
        Some(Box::new(Text { text, behind }))
    });
    match behind {
        Some(cut) => cut,
        None => source,
    }
}

/// What a cause said, and what stood behind it.
#[derive(Debug)]
struct Text {
    text: String,
    behind: Option<Box<Self>>,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Text {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let behind = self.behind.as_deref()?;
        Some(behind)
    }
}

/// A chain that leads in a circle ends somewhere.
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests {
    use std::io;

    use crate::error::Error;

    use super::*;

    #[test]
    fn a_cause_that_fills_a_page_is_cut_and_any_other_is_kept() {
        let names = vec!["name.example"; 500].join(", ");
        let deep = Error::unavailable("between").caused_by(names.clone());
        for cause in [
            io::Error::other(names.clone()),
            io::Error::other("two\nlines"),
            io::Error::other(deep),
        ] {
            let error = Error::unavailable("no TLS").caused_by(cause);

            let mut behind = StdError::source(&error);
            assert!(behind.is_some());
            while let Some(cause) = behind {
                let text = cause.to_string();
                assert!(text.len() <= 1024 && !text.contains('\n'), "{text}");
                behind = cause.source();
            }
            assert!(format!("{error:?}").len() < 4096, "{error:?}");
        }
        let kept = Error::unavailable("x").caused_by(io::Error::from(io::ErrorKind::NotFound));
        let kept = StdError::source(&kept).unwrap();
        assert!(kept.downcast_ref::<io::Error>().is_some());
    }
}
