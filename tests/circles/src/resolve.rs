//! Where a name is defined: [`Names`].

use std::collections::BTreeMap;

use crate::module::Module;

/// All modules of a crate, by their paths.
pub(crate) struct Names<'a> {
    modules: BTreeMap<&'a [String], (&'a str, &'a Module)>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(modules: &'a [(String, Module)]) -> Self {
        let each = modules.iter();
        let modules = each.map(|(file, module)| (&*module.path, (&**file, module)));
        Self {
            modules: modules.collect(),
        }
    }

    /// The file that defines what `path` names in the module at `from`; `None` where that is of another crate.
    pub(crate) fn file_of(&self, from: &[String], path: &[String]) -> Option<&'a str> {
        self.find(from, path, DEPTH)
    }

    fn find(&self, from: &[String], path: &[String], depth: u32) -> Option<&'a str> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.inside(&[], rest, depth),
            "self" => self.inside(from, rest, depth),
            "super" => {
                let mut base = from;
                let mut rest = path;
                while let Some((first, after)) = rest.split_first()
                    && first == "super"
                {
                    base = base.split_last()?.1;
                    rest = after;
                }
                self.inside(base, rest, depth)
            }
            _ => {
                let (_, module) = self.modules.get(from)?;
                let child = [from, std::slice::from_ref(first)].concat();
                if self.modules.contains_key(&*child) {
                    return self.inside(from, path, depth);
                }
                let import = module.imports.iter().find(|import| import.name == *first)?;
                // A name that imports itself is another crate's.
                let leads_on = import.path.first() != Some(first);
                let path = [&import.path, rest].concat();
                leads_on.then(|| self.find(from, &path, depth)).flatten()
            }
        }
    }

    /// Goes down from a module as far as there are modules, and on where a name is imported there.
    fn inside(&self, base: &[String], path: &[String], depth: u32) -> Option<&'a str> {
        let depth = depth.checked_sub(1)?;
        let (file, module) = self.modules.get(base)?;
        let Some((first, rest)) = path.split_first() else {
            return Some(file);
        };
        let child = [base, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&*child) {
            return self.inside(&child, rest, depth);
        }
        if module.items.contains(first) {
            return Some(file);
        }
        if let Some(import) = module.imports.iter().find(|import| import.name == *first) {
            let path = [&import.path, rest].concat();
            return self.find(base, &path, depth);
        }
        let all = module.imports.iter().filter(|import| import.name == "*");
        let found = all.filter_map(|import| {
            let file = self.find(base, &import.path, depth)?;
            let (_, module) = self.modules.values().find(|(other, _)| *other == file)?;
            module.items.contains(first).then_some(file)
        });
        // What is not found is made by a macro, or is a variant or a method of something that is here.
        Some(found.into_iter().next().unwrap_or(file))
    }
}

/// Longer than any chain of imports that ends.
const DEPTH: u32 = 32;
