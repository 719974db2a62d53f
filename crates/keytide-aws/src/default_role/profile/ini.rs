//! The lines of a shared configuration file: [`Reader`], which reads them as botocore does.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// What stands under one heading, by lower-case names.
#[derive(Default)]
pub(super) struct Section {
    pub(super) properties: BTreeMap<String, Property>,
    /// The first line that is no property, counted from 1.
    pub(super) unreadable: Option<usize>,
}

/// A value, without the space around it; with the lines that go on from it where those are indented.
pub(super) struct Property {
    pub(super) value: Zeroizing<String>,
    /// Counted from 1.
    pub(super) line: usize,
}

/// The sections of a file, in the order in which they stand there: the text between the brackets, and what follows.
pub(super) struct Ini {
    pub(super) sections: Vec<(String, Section)>,
    /// The first line that belongs to no section: what stands before the first heading, or behind one that is none.
    pub(super) astray: Option<usize>,
}

/// Reads line by line, as Python's `configparser` does for botocore (read on 2026-11-28), but that nothing spoils the whole:
///
/// - a heading is what stands between `[` and `]`, whatever follows on that line; it may be indented;
/// - a property is a name and a value, with `=` or `:` between; the first of a section may be indented;
/// - a line that is indented more than the property before it goes on from that one;
/// - `#` and `;` begin a comment at the beginning of a line; as for the SDKs also behind a space, but in a command;
/// - a name that stands twice has its last value, and so has a section that does.
#[derive(Default)]
struct Reader {
    sections: Vec<(String, Section)>,
    astray: Option<usize>,
    /// Where properties go; `None` before the first heading and behind a broken one.
    section: Option<usize>,
    /// The property that an indented line would go on from.
    property: Option<String>,
    indent: usize,
}

impl Ini {
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader::default();
        let text = text.trim_start_matches('\u{feff}');
        for (index, line) in text.lines().enumerate() {
            reader.line(index + 1, line);
        }
        Self {
            sections: reader.sections,
            astray: reader.astray,
        }
    }
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        let value = line.trim();
        if value.is_empty() || value.starts_with(['#', ';']) {
            return;
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if let (Some(section), Some(name)) = (self.section, &self.property)
            && indent > self.indent
        {
            if let Some(property) = self.sections[section].1.properties.get_mut(name) {
                push(&mut property.value, "\n");
                push(&mut property.value, uncommented(name, value));
            }
            return;
        }
        self.indent = indent;
        self.property = None;
        if value.starts_with('[') {
            self.section = heading(value).map(|heading| {
                self.sections.push((heading.to_owned(), Section::default()));
                self.sections.len() - 1
            });
            if self.section.is_none() {
                self.astray.get_or_insert(number);
            }
            return;
        }
        let Some(section) = self.section else {
            self.astray.get_or_insert(number);
            return;
        };
        let section = &mut self.sections[section].1;
        match property(value) {
            Some((name, value)) => {
                let value = uncommented(&name, value);
                let property = Property {
                    value: Zeroizing::new(value.to_owned()),
                    line: number,
                };
                section.properties.insert(name.clone(), property);
                self.property = Some(name);
            }
            None => {
                section.unreadable.get_or_insert(number);
            }
        }
    }
}

/// The properties in a value of several lines, which begins with an empty one.
pub(super) fn nested(value: &str) -> BTreeMap<String, String> {
    let lines = value.strip_prefix('\n').unwrap_or_default().lines();
    let named = lines.filter_map(property);
    named
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

/// What stands between the brackets: up to the first closing one that is not quoted.
fn heading(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('[')?;
    let mut quote = None;
    let end = inside.char_indices().find(|(_, c)| match quote {
        Some(mark) => {
            if *c == mark {
                quote = None;
            }
            false
        }
        None if matches!(c, '"' | '\'') => {
            quote = Some(*c);
            false
        }
        None => *c == ']',
    });
    let end = end.map(|(at, _)| at).or_else(|| inside.find(']'))?;
    Some(inside[..end].trim()).filter(|heading| !heading.is_empty())
}

/// The words of a heading, as a shell splits them; `None` where a quote does not end.
pub(super) fn words(heading: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = heading.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().push(rest.next()?),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// A name in lower case, and what stands behind the first `=` or `:`.
fn property(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.split_once(['=', ':'])?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_lowercase(), value.trim()))
}

/// The value without a comment behind it. A command is left as it is: a shell knows what a comment is.
fn uncommented<'v>(name: &str, value: &'v str) -> &'v str {
    if name == "credential_process" {
        return value;
    }
    let mut before = ' ';
    for (at, c) in value.char_indices() {
        if matches!(c, '#' | ';') && before.is_whitespace() {
            return value[..at].trim_end();
        }
        before = c;
    }
    value
}

/// Wipes what it grows out of.
fn push(value: &mut Zeroizing<String>, more: &str) {
    let mut larger = Zeroizing::new(String::with_capacity(value.len() + more.len()));
    larger.push_str(value);
    larger.push_str(more);
    *value = larger;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `heading: name=value name=value` for each section.
    fn read(text: &str) -> (Vec<String>, Option<usize>) {
        let ini = Ini::read(text);
        let sections = ini.sections.iter().map(|(heading, section)| {
            let mut shown = heading.clone();
            for (name, property) in &section.properties {
                shown += &format!(" {name}={:?}@{}", property.value.as_str(), property.line);
            }
            if let Some(line) = section.unreadable {
                shown += &format!(" !{line}");
            }
            shown
        });
        (sections.collect(), ini.astray)
    }

    #[test]
    fn a_file_is_read_as_botocore_reads_it() {
        for (text, sections, astray) in [
            (
                "[default]\nregion = a\n",
                &["default region=\"a\"@2"][..],
                None,
            ),
            (
                "\u{feff}[ default ]\r\n\r\nRegion=a\r\n",
                &["default region=\"a\"@3"],
                None,
            ),
            // Text behind the bracket, an indented heading, an indented first property.
            (
                "[default] text ] # more\n  region = a\n  role_arn = b\n",
                &["default region=\"a\"@2 role_arn=\"b\"@3"],
                None,
            ),
            (
                "  [default]\nregion : a:b=c\n",
                &["default region=\"a:b=c\"@2"],
                None,
            ),
            // What is indented more goes on from the line before it.
            (
                "[p]\ns3 =\n  a = b\n\n  c = d\nregion = x\n",
                &["p region=\"x\"@6 s3=\"\\na = b\\nc = d\"@2"],
                None,
            ),
            (
                "[p]\nregion = x\n role_arn = y\n",
                &["p region=\"x\\nrole_arn = y\"@2"],
                None,
            ),
            // Comments.
            (
                "# c\n; c\n[p]\na = b # c\nd = e#f ;g\ncredential_process = x # y ; z\n",
                &["p a=\"b\"@4 credential_process=\"x # y ; z\"@6 d=\"e#f\"@5"],
                None,
            ),
            // What stands twice.
            (
                "[p]\na = 1\na = 2\n[p]\nb = 3\n",
                &["p a=\"2\"@3", "p b=\"3\"@5"],
                None,
            ),
            ("[\"a]b\"] c\nx = 1\n", &["\"a]b\" x=\"1\"@2"], None),
            ("[a\"b]\nx = 1\n", &["a\"b x=\"1\"@2"], None),
            // What cannot be read spoils nothing else.
            (
                "junk\n[p]\njunk\n = x\na = 1\n",
                &["p a=\"1\"@5 !3"],
                Some(1),
            ),
            (
                "[p]\na = 1\n[broken\nb = 2\n[q]\nc = 3\n",
                &["p a=\"1\"@2", "q c=\"3\"@6"],
                Some(3),
            ),
            ("[]\na = 1\n", &[], Some(1)),
            ("", &[], None),
        ] {
            let (found, found_astray) = read(text);
            assert_eq!(found, sections, "{text:?}");
            assert_eq!(found_astray, astray, "{text:?}");
        }
    }

    #[test]
    fn a_heading_is_split_as_a_shell_splits_it() {
        for (heading, expected) in [
            ("default", Some(&["default"][..])),
            ("profile  a", Some(&["profile", "a"])),
            ("profile \"my role\"", Some(&["profile", "my role"])),
            ("profile 'my \"role'", Some(&["profile", "my \"role"])),
            ("profile my\\ role", Some(&["profile", "my role"])),
            ("profile \"\"", Some(&["profile", ""])),
            ("profile my role", Some(&["profile", "my", "role"])),
            ("profile \"my", None),
            ("profile my\\", None),
        ] {
            assert_eq!(
                words(heading)
                    .as_deref()
                    .map(|words| words.iter().map(String::as_str).collect::<Vec<_>>()),
                expected.map(<[&str]>::to_vec),
                "{heading}"
            );
        }
    }

    #[test]
    fn nested_properties_begin_on_a_line_of_their_own() {
        assert_eq!(
            nested("\nendpoint_url = x\nother = y")
                .get("endpoint_url")
                .map(String::as_str),
            Some("x")
        );
        assert!(nested("endpoint_url = x").is_empty());
    }
}
