//! Circles of a graph: [`all`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Files that lead to each other, and not only as a module and its submodule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle {
    files: BTreeSet<String>,
    edges: Vec<(String, String)>,
}

impl Circle {
    /// Its files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }
}

/// Says the files, and for a small circle what leads where.
impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.files().collect();
        write!(f, "{} files: {}", files.len(), files.join(", "))?;
        if files.len() <= SMALL {
            for (from, to) in &self.edges {
                write!(f, "\n    {from} -> {to}")?;
            }
        }
        Ok(())
    }
}

pub(crate) type Edges = BTreeMap<String, BTreeSet<String>>;

/// All circles, the largest first. `families` are the pairs that may lead to each other.
pub(crate) fn all(edges: &Edges, families: &BTreeSet<(String, String)>) -> Vec<Circle> {
    let mut circles: Vec<_> = strong(edges)
        .into_iter()
        .map(|files| prune(files, edges, families))
        .filter(|files| files.len() > 1)
        .map(|files| Circle {
            edges: within(&files, edges),
            files,
        })
        .collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.files.len()));
    circles
}

/// Takes out what hangs on the rest only as a module and its submodule. Where nothing else holds the files together, one is
/// left of them.
fn prune(
    mut files: BTreeSet<String>,
    edges: &Edges,
    families: &BTreeSet<(String, String)>,
) -> BTreeSet<String> {
    loop {
        let inside = within(&files, edges);
        let hangs = |file: &String| {
            let mut others = inside.iter().filter_map(|(from, to)| {
                (from == file)
                    .then_some(to)
                    .or_else(|| (to == file).then_some(from))
            });
            let Some(first) = others.next() else {
                return true;
            };
            others.all(|other| other == first) && families.contains(&(file.clone(), first.clone()))
        };
        let Some(file) = files.iter().find(|file| hangs(file)).cloned() else {
            return files;
        };
        files.remove(&file);
        if files.len() < 2 {
            return files;
        }
    }
}

fn within(files: &BTreeSet<String>, edges: &Edges) -> Vec<(String, String)> {
    let mut inside = Vec::new();
    for from in files {
        for to in edges
            .get(from)
            .into_iter()
            .flatten()
            .filter(|to| files.contains(*to))
        {
            inside.push((from.clone(), to.clone()));
        }
    }
    inside
}

/// Tarjan's strongly connected components of more than one file.
fn strong(edges: &Edges) -> Vec<BTreeSet<String>> {
    let mut search = Search {
        edges,
        numbers: BTreeMap::new(),
        stack: Vec::new(),
        found: Vec::new(),
    };
    for file in edges.keys() {
        if !search.numbers.contains_key(&**file) {
            search.visit(file);
        }
    }
    search.found
}

struct Search<'a> {
    edges: &'a Edges,
    /// In the order of the visits.
    numbers: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    found: Vec<BTreeSet<String>>,
}

impl<'a> Search<'a> {
    /// The lowest number on the stack that the file leads to.
    fn visit(&mut self, file: &'a str) -> usize {
        let number = self.numbers.len();
        self.numbers.insert(file, number);
        self.stack.push(file);
        let mut lowest = number;
        for other in self.edges.get(file).into_iter().flatten() {
            match self.numbers.get(&**other) {
                None => lowest = lowest.min(self.visit(other)),
                Some(seen) if self.stack.contains(&&**other) => lowest = lowest.min(*seen),
                Some(_) => {}
            }
        }
        if lowest == number {
            let start = self.stack.iter().position(|other| *other == file);
            let files = self.stack.split_off(start.unwrap_or(0));
            if files.len() > 1 {
                self.found
                    .push(files.into_iter().map(str::to_owned).collect());
            }
        }
        lowest
    }
}

const SMALL: usize = 6;
