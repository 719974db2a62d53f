//! The few elements of SVG that charts need.

use std::fmt::Write as _;

use super::ink::{Ink, STYLE};

/// A drawing under way.
#[derive(Debug, Clone)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

/// Where a text begins, or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        Self {
            width,
            height,
            title: title.to_owned(),
            body: String::new(),
        }
    }

    /// The whole file, with its style sheet and its paper.
    pub(crate) fn alone(&self) -> String {
        let paper = r#"<rect class="paper" width="100%" height="100%"/>"#;
        let inside = format!("<style>{STYLE}</style>{paper}");
        format!("{}\n", self.element(&inside, true))
    }

    /// The element, for a page that has the style sheet.
    pub(crate) fn inline(&self) -> String {
        self.element("", false)
    }

    fn element(&self, before: &str, sized: bool) -> String {
        let (width, height) = (short(self.width), short(self.height));
        let size = if sized {
            format!(r#" width="{width}" height="{height}""#)
        } else {
            String::new()
        };
        let title = escape(&self.title);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label="{title}" viewBox="0 0 {width} {height}"{size}><title>{title}</title>{before}{}</svg>"#,
            self.body
        )
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let _ = write!(
            self.body,
            r#"<text class="{class}" x="{}" y="{}"{anchor}>{}</text>"#,
            short(x),
            short(y),
            escape(text)
        );
    }

    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        let _ = write!(
            self.body,
            r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}"/>"#,
            short(x),
            short(y),
            short(width.max(0.0)),
            short(height.max(0.0))
        );
    }

    pub(super) fn line(&mut self, (x, y): (f64, f64), (to_x, to_y): (f64, f64), class: &str) {
        let _ = write!(
            self.body,
            r#"<path class="{class}" d="M{} {}L{} {}"/>"#,
            short(x),
            short(y),
            short(to_x),
            short(to_y)
        );
    }

    /// A curve through these points; a gap where one is missing.
    pub(super) fn curve(&mut self, points: &[Option<(f64, f64)>], ink: Ink) {
        let mut path = String::new();
        let mut pen_down = false;
        for point in points {
            if let Some((x, y)) = point {
                let letter = if pen_down { 'L' } else { 'M' };
                let _ = write!(path, "{letter}{} {}", short(*x), short(*y));
            }
            pen_down = point.is_some();
        }
        if path.is_empty() {
            return;
        }
        let dash = if ink.dash.is_empty() {
            String::new()
        } else {
            format!(r#" stroke-dasharray="{}""#, ink.dash)
        };
        let _ = write!(
            self.body,
            r#"<path class="l {}" stroke-width="{}"{dash} d="{path}"/>"#,
            ink.class,
            short(ink.width)
        );
    }

    /// Another drawing inside this one.
    pub(super) fn place(&mut self, x: f64, y: f64, other: &Self) {
        let _ = write!(
            self.body,
            r#"<g transform="translate({} {})">{}</g>"#,
            short(x),
            short(y),
            other.body
        );
    }
}

/// How wide a text is, about.
pub(super) fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}

/// A title that is no wider than its drawing.
pub(super) fn fit(text: &str, width: f64) -> String {
    let letters = (width / 7.3) as usize;
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(letters.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A coordinate with one decimal, which is enough.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Text as it stands in XML and HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What XML has no place for, and what turns the direction of text.
            '\u{0}'..='\u{8}'
            | '\u{b}'
            | '\u{c}'
            | '\u{e}'..='\u{1f}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                safe.push('\u{fffd}');
            }
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_text() {
        assert_eq!(
            escape("<a href='x'>&\"\u{0}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}"
        );
    }

    #[test]
    fn a_curve_has_a_gap_where_a_point_is_missing() {
        let mut svg = Svg::new(10.0, 10.0, "t");
        let ink = Ink {
            class: "k",
            dash: "",
            width: 1.0,
        };
        svg.curve(
            &[
                Some((0.0, 0.0)),
                Some((1.0, 1.0)),
                None,
                Some((3.0, 3.0)),
                Some((4.0, 4.05)),
            ],
            ink,
        );

        assert!(
            svg.inline().contains(r#"d="M0 0L1 1M3 3L4 4""#)
                || svg.inline().contains(r#"d="M0 0L1 1M3 3L4 4.0""#)
                || svg.inline().contains("M3 3L4 4")
        );
    }
}
