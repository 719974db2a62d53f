//! What one module says: [`Module`], read from tokens.

use crate::scan::Token;

/// A module that is compiled into the crate, in a file of its own or inside another.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// From the root of the crate on.
    pub(crate) path: Vec<String>,
    /// Submodules that stand in files of their own.
    pub(crate) outside: Vec<String>,
    /// What a `use` brings in.
    pub(crate) imports: Vec<Import>,
    /// Paths of more than one part in the code itself.
    pub(crate) paths: Vec<Vec<String>>,
    /// What is defined here.
    pub(crate) items: Vec<String>,
    /// All words of its code, but for those of its `use`s.
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// As what; `*` for all that is there.
    pub(crate) name: String,
    /// Whether others may import it from here.
    pub(crate) public: bool,
}

/// The module at `path` and those inside it.
pub(crate) fn modules(path: Vec<String>, tokens: &[Token]) -> Vec<Module> {
    let mut reader = Reader {
        tokens,
        at: 0,
        done: Vec::new(),
    };
    reader.module(path);
    reader.done
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    done: Vec<Module>,
}

impl Reader<'_> {
    /// Reads until the brace that ends the module, or the end.
    fn module(&mut self, path: Vec<String>) {
        let mut module = Module {
            path,
            ..Module::default()
        };
        let mut depth = 0_usize;
        let mut public = false;
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Mark('#') => self.attribute(),
                Token::Mark('{') => {
                    depth += 1;
                    self.at += 1;
                }
                Token::Mark('}') => {
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                    depth -= 1;
                }
                Token::Word(word) if word == "pub" => {
                    public = true;
                    self.at += 1;
                    self.visibility();
                    continue;
                }
                Token::Word(word) if word == "use" => {
                    self.at += 1;
                    self.tree(&mut module.imports, Vec::new(), public);
                }
                Token::Word(word) if word == "mod" && self.word(1).is_some() => {
                    self.submodule(&mut module);
                }
                Token::Word(word) => {
                    if depth == 0 && ITEMS.contains(&word.as_str()) {
                        module.items.extend(self.word(1).map(str::to_owned));
                    }
                    self.path(&mut module);
                }
                Token::Path | Token::Mark(_) => self.at += 1,
            }
            public = false;
        }
        self.done.push(module);
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.tokens.get(self.at + ahead)? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn mark(&self, ahead: usize) -> Option<char> {
        match self.tokens.get(self.at + ahead)? {
            Token::Mark(mark) => Some(*mark),
            _ => None,
        }
    }

    /// Skips what stands in parentheses behind a `pub`; a tuple's field may stand there as well, and is not skipped.
    fn visibility(&mut self) {
        let narrows = matches!(self.word(1), Some("crate" | "super" | "self" | "in"));
        if self.mark(0) == Some('(') && narrows {
            self.group();
        }
    }

    /// Skips an attribute, and what it is of, where that is compiled for tests only.
    fn attribute(&mut self) {
        self.at += 1;
        if self.mark(0) == Some('!') {
            self.at += 1;
        }
        let start = self.at;
        self.group();
        if !is_for_tests(&self.tokens[start..self.at]) {
            return;
        }
        while self.mark(0) == Some('#') {
            self.at += 1;
            self.group();
        }
        let mut ends_with_a_brace = true;
        while let Some(token) = self.tokens.get(self.at) {
            ends_with_a_brace &= !token.is("use");
            match token {
                Token::Mark(';' | ',') => {
                    self.at += 1;
                    return;
                }
                // Of the last field or variant.
                Token::Mark('}') => return,
                Token::Mark('{') if ends_with_a_brace => return self.group(),
                Token::Mark('{' | '(' | '[') => self.group(),
                _ => self.at += 1,
            }
        }
    }

    /// Skips one group of brackets of any sort.
    fn group(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn submodule(&mut self, module: &mut Module) {
        let name = self.word(1).unwrap_or_default().to_owned();
        self.at += 2;
        match self.mark(0) {
            Some('{') => {
                self.at += 1;
                let path = module.path.iter().cloned().chain([name]).collect();
                self.module(path);
            }
            Some(';') => module.outside.push(name),
            _ => {}
        }
    }

    /// One tree of a `use`, up to the mark behind it.
    fn tree(&mut self, imports: &mut Vec<Import>, mut path: Vec<String>, public: bool) {
        while let Some(token) = self.tokens.get(self.at) {
            match token {
                Token::Word(word) if word == "as" => {
                    let name = self.word(1).unwrap_or_default().to_owned();
                    self.at += 2;
                    imports.push(Import { path, name, public });
                    return;
                }
                Token::Word(word) => path.push(word.clone()),
                Token::Path => {}
                Token::Mark('*') => {
                    self.at += 1;
                    let name = "*".to_owned();
                    imports.push(Import { path, name, public });
                    return;
                }
                Token::Mark('{') => {
                    self.at += 1;
                    while self.at < self.tokens.len() && self.mark(0) != Some('}') {
                        self.tree(imports, path.clone(), public);
                        if self.mark(0) == Some(',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Token::Mark(_) => break,
            }
            self.at += 1;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(name) = path.last().cloned() {
            imports.push(Import { path, name, public });
        }
    }

    fn path(&mut self, module: &mut Module) {
        let mut path = Vec::new();
        while let Some(word) = self.word(0) {
            module.words.push(word.to_owned());
            path.push(word.to_owned());
            self.at += 1;
            if self.tokens.get(self.at) != Some(&Token::Path) {
                break;
            }
            self.at += 1;
        }
        if path.len() > 1 {
            module.paths.push(path);
        }
    }
}

/// Whether `[cfg(…)]` is of tests: it asks for `test`, and not for its absence.
fn is_for_tests(attribute: &[Token]) -> bool {
    attribute.get(1).is_some_and(|word| word.is("cfg"))
        && attribute.iter().any(|word| word.is("test"))
        && !attribute
            .iter()
            .any(|word| word.is("not") || word.is("any"))
}

const ITEMS: [&str; 10] = [
    "fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "macro",
];
