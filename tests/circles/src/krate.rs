//! The sources of one crate: [`Crate`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use crate::circle::{self, Circle};
use crate::module::{self, Module};
use crate::resolve::Names;
use crate::scan::tokens;

/// The modules of one crate, each with the file that it stands in.
#[derive(Debug)]
pub struct Crate {
    modules: Vec<(String, Module)>,
}

impl Crate {
    /// Reads the crate whose `src` this is, from `lib.rs`, or else `main.rs`, on.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(src: &Path) -> io::Result<Self> {
        let root = if src.join("lib.rs").is_file() {
            "lib.rs"
        } else {
            "main.rs"
        };
        let missing = |file: &str| io::Error::new(io::ErrorKind::NotFound, file.to_owned());
        let read = |file: &str| {
            src.join(file)
                .is_file()
                .then(|| std::fs::read_to_string(src.join(file)))
        };
        Self::follow(root, |file| read(file).transpose())?.ok_or_else(|| missing(root))
    }

    /// The crate that stands in these files, each a name and its text; the first is its root.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Option<Self> {
        let text = |file: &str| files.iter().find(|(name, _)| *name == file);
        let read = |file: &str| Ok(text(file).map(|(_, text)| (*text).to_owned()));
        Self::follow(files.first()?.0, read).ok().flatten()
    }

    /// Follows the `mod`s; a file that none leads to is not of the crate.
    fn follow(
        root: &str,
        read: impl Fn(&str) -> io::Result<Option<String>>,
    ) -> io::Result<Option<Self>> {
        let Some(text) = read(root)? else {
            return Ok(None);
        };
        let mut modules = Vec::new();
        let mut waiting = vec![(root.to_owned(), Vec::new(), text)];
        while let Some((file, path, text)) = waiting.pop() {
            for module in module::modules(path, &tokens(&text)) {
                for name in &module.outside {
                    let mut path = module.path.clone();
                    path.push(name.clone());
                    let stem = path.join("/");
                    for file in [format!("{stem}.rs"), format!("{stem}/mod.rs")] {
                        if let Some(text) = read(&file)? {
                            waiting.push((file, path, text));
                            break;
                        }
                    }
                }
                modules.push((file.clone(), module));
            }
        }
        Ok(Some(Self { modules }))
    }

    /// How many files it has.
    #[must_use]
    pub fn files(&self) -> usize {
        self.modules
            .iter()
            .map(|(file, _)| file)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// The circles of its files, the largest first.
    #[must_use]
    pub fn circles(&self) -> Vec<Circle> {
        let edges = self.edges();
        circle::all(&edges, &self.families())
    }

    /// Which files a file leads to.
    #[must_use]
    pub fn edges(&self) -> BTreeMap<String, BTreeSet<String>> {
        let names = Names::of(&self.modules);
        let mut edges = BTreeMap::<_, BTreeSet<_>>::new();
        for (file, module) in &self.modules {
            let imports = module
                .imports
                .iter()
                .filter(|import| !import.public || module.words.contains(&import.name));
            let paths = imports.map(|import| &import.path).chain(&module.paths);
            let others = paths
                .filter_map(|path| names.file_of(&module.path, path))
                .filter(|other| other != file);
            edges
                .entry(file.clone())
                .or_default()
                .extend(others.map(str::to_owned));
        }
        edges
    }

    /// Pairs of files of which one is a submodule of the other.
    fn families(&self) -> BTreeSet<(String, String)> {
        let at: BTreeMap<_, _> = self
            .modules
            .iter()
            .map(|(file, module)| (&*module.path, file))
            .collect();
        let mut families = BTreeSet::new();
        for (path, file) in &at {
            let parent = path.split_last().and_then(|(_, parent)| at.get(parent));
            if let Some(parent) = parent.filter(|parent| *parent != file) {
                families.insert(((*file).clone(), (*parent).clone()));
                families.insert(((*parent).clone(), (*file).clone()));
            }
        }
        families
    }
}
