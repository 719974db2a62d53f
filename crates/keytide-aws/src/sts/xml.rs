//! The XML in which STS answers, as far as it goes: [`Element`].

use zeroize::{Zeroize, Zeroizing};

/// An element without its attributes. Its text is wiped when it is dropped.
#[derive(Default)]
pub(crate) struct Element {
    name: String,
    text: Zeroizing<String>,
    children: Vec<Self>,
}

impl Element {
    /// Reads a document; `None` where it is none, or has what no answer of STS has: a document type, entities of its own,
    /// elements nested deeper than 16.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut rest = text.trim_start_matches('\u{feff}').trim_start();
        let mut open = vec![Self::default()];
        while let Some((content, after)) = rest.split_once('<') {
            unescape(content, &mut open.last_mut()?.text)?;
            if let Some(comment) = after.strip_prefix("!--") {
                rest = comment.split_once("-->")?.1;
            } else if let Some(data) = after.strip_prefix("![CDATA[") {
                let (data, after) = data.split_once("]]>")?;
                append(data, &mut open.last_mut()?.text);
                rest = after;
            } else if after.starts_with('?') {
                rest = after.split_once("?>")?.1;
            } else {
                let (tag, after) = after.split_at(end_of_tag(after)?);
                rest = after.strip_prefix('>')?;
                tagged(tag, &mut open)?;
            }
        }
        if !rest.trim().is_empty() || open.len() != 1 {
            return None;
        }
        let document = open.pop()?;
        let alone = document.children.len() == 1 && document.text.trim().is_empty();
        alone.then_some(document)?.children.into_iter().next()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The element below of this name, where there is just one.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        let mut of_name = self.children.iter().filter(|child| child.name == name);
        of_name.next().filter(|_| of_name.next().is_none())
    }

    /// The element below of this name, out of its parent.
    pub(super) fn into_child(mut self, name: &str) -> Option<Self> {
        self.child(name)?;
        let at = self.children.iter().position(|child| child.name == name)?;
        Some(self.children.swap_remove(at))
    }

    /// The text of the element below of this name, without the space around it.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }
}

/// What stands between `<` and `>`.
fn tagged(tag: &str, open: &mut Vec<Element>) -> Option<()> {
    let local = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    if tag.starts_with('!') || open.len() > DEEPEST {
        return None;
    }
    if let Some(name) = tag.strip_prefix('/') {
        let closed = open.pop()?;
        if closed.name != local(name.trim_end()) {
            return None;
        }
        open.last_mut()?.children.push(closed);
        return Some(());
    }
    let whole = tag.strip_suffix('/');
    let name = whole.unwrap_or(tag).split_whitespace().next()?;
    if tag.starts_with(char::is_whitespace) {
        return None;
    }
    let element = Element {
        name: local(name),
        ..Element::default()
    };
    if whole.is_some() {
        open.last_mut()?.children.push(element);
    } else {
        open.push(element);
    }
    Some(())
}

/// Where the `>` of a tag is: not in the value of an attribute.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if c == '>' => return Some(at),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
    }
    None
}

fn unescape(mut text: &str, to: &mut Zeroizing<String>) -> Option<()> {
    while let Some((plain, after)) = text.split_once('&') {
        append(plain, to);
        let (name, after) = after.split_once(';')?;
        let c = match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        };
        append(c.encode_utf8(&mut [0; 4]), to);
        text = after;
    }
    append(text, to);
    Some(())
}

/// Wipes what it grows out of.
fn append(piece: &str, to: &mut Zeroizing<String>) {
    if to.capacity() < to.len() + piece.len() {
        let mut larger = String::with_capacity((to.len() + piece.len()).max(2 * to.len()));
        larger.push_str(to);
        to.zeroize();
        **to = larger;
    }
    to.push_str(piece);
}

/// No answer is nested deeper than this.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Option<String> {
        let element = Element::read(body.as_bytes())?;
        let inner = element.child("b")?;
        inner.text("c").map(str::to_owned)
    }

    #[test]
    fn an_answer_is_read_whatever_its_spaces_prefixes_and_escapes() {
        for (body, expected) in [
            ("<a><b><c>x</c></b></a>", "x"),
            (
                "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a xmlns=\"https://x/\">\n <b>\n  <c> x </c>\n </b>\n</a>\n",
                "x",
            ),
            ("<n:a><n:b d='>'><n:c>x</n:c></n:b></n:a>", "x"),
            (
                "<a><!-- <b/> --><b><c>1&lt;&#50;&#x33;&amp;&gt;&quot;&apos;</c></b></a>",
                "1<23&>\"'",
            ),
            (
                "<a><b><c>x<![CDATA[<&]]>y</c><d/><e f=\"g\"/></b></a>",
                "x<&y",
            ),
            ("<a><b ><c >x</c ></b></a >", "x"),
            ("<a><b><c></c></b></a>", ""),
        ] {
            assert_eq!(text(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for body in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a></a>x",
            "x<a></a>",
            "<!DOCTYPE a><a></a>",
            "<a>&b;</a>",
            "<a>&#xd800;</a>",
            "<a>&</a>",
            "<a b=\"></a>",
            "<a><!-- </a>",
            "< a></a>",
            "</a>",
            "<a/",
            "{\"a\": 1}",
            &"<a>".repeat(100_000),
        ] {
            assert!(Element::read(body.as_bytes()).is_none(), "{body:.40}");
        }
        assert!(Element::read(b"<a>\xff</a>").is_none());
        for twice in [
            "<a><b><c>x</c><c>y</c></b></a>",
            "<a><b/><b><c>x</c></b></a>",
        ] {
            assert_eq!(text(twice), None, "{twice}");
        }
    }
}
