//! Source text as tokens, without comments and literals: [`tokens`].

/// What is left of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    /// `::`
    Path,
    Mark(char),
}

impl Token {
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(this) if this == word)
    }
}

pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        at += match rest {
            ['/', '/', ..] => line(rest),
            ['/', '*', ..] => block(rest),
            ['"', ..] => quoted(rest),
            ['r' | 'b' | 'c', ..] if literal(rest) > 0 => literal(rest),
            ['\'', ..] => quote(rest),
            [':', ':', ..] => {
                tokens.push(Token::Path);
                2
            }
            [first, ..] if is_of_word(*first) => {
                let length = rest.iter().take_while(|c| is_of_word(**c)).count();
                tokens.push(Token::Word(rest[..length].iter().collect()));
                length
            }
            [first, ..] => {
                if !first.is_whitespace() {
                    tokens.push(Token::Mark(*first));
                }
                1
            }
            [] => 1,
        };
    }
    tokens
}

fn line(rest: &[char]) -> usize {
    rest.iter().take_while(|c| **c != '\n').count()
}

/// Block comments nest.
fn block(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// How long a literal with a prefix is (`r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `b'…'`); 0 where none begins, as in `r#type`.
fn literal(rest: &[char]) -> usize {
    let prefix = rest
        .iter()
        .take_while(|c| matches!(c, 'r' | 'b' | 'c'))
        .count();
    let raw = rest[..prefix].contains(&'r');
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    match rest.get(prefix + hashes) {
        Some('"') if raw => {
            let start = prefix + hashes + 1;
            let mut end = vec!['"'];
            end.resize(hashes + 1, '#');
            let found = rest[start..].windows(hashes + 1).position(|w| w == end);
            found.map_or(rest.len(), |found| start + found + hashes + 1)
        }
        Some('"') if hashes == 0 => prefix + quoted(&rest[prefix..]),
        Some('\'') if hashes == 0 && rest[..prefix] == ['b'] => prefix + quote(&rest[prefix..]),
        _ => 0,
    }
}

/// A character, or the mark before a lifetime.
fn quote(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => {
            let end = rest.iter().skip(3).position(|c| *c == '\'');
            end.map_or(rest.len(), |end| end + 4)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        let words = tokens(source).into_iter().filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        });
        words.collect()
    }

    #[test]
    fn comments_and_literals_leave_nothing() {
        let source = r###"
            a // crate::b
            /* crate::c /* crate::d */ crate::e */ f
            "crate::g \" crate::h" i r#"crate::j " crate::k"# l
            b"crate::m" n b'\'' o '"' p '\u{22}' q br"crate::r" s
        "###;

        assert_eq!(words(source), ["a", "f", "i", "l", "n", "o", "p", "q", "s"]);
    }

    #[test]
    fn lifetimes_and_words_that_begin_like_literals_are_words() {
        assert_eq!(
            words("fn b<'a>(r: &'a str, rb: char) { r.c('x') }"),
            ["fn", "b", "a", "r", "a", "str", "rb", "char", "r", "c"]
        );
    }
}
