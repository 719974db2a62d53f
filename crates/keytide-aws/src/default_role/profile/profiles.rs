//! The profiles that the shared configuration files have together: [`Profiles`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keytide_core::Error;
use zeroize::Zeroizing;

use super::ini::{Ini, Section, nested, words};

/// Which of the two files it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Config,
    Credentials,
}

/// All profiles, and the groups of endpoints that profiles name.
#[derive(Default)]
pub(super) struct Profiles {
    profiles: BTreeMap<String, Profile>,
    services: BTreeMap<String, Profile>,
    /// The first line that belongs to no section, and its file.
    astray: Option<(Arc<Path>, usize)>,
}

/// What the files say under one name. What the credentials file says goes before what the configuration file says.
#[derive(Default)]
pub(super) struct Profile {
    name: String,
    properties: BTreeMap<String, Value>,
    /// The first line of it that nobody can read, and its file.
    unreadable: Option<(Arc<Path>, usize)>,
}

struct Value {
    text: Zeroizing<String>,
    file: Arc<Path>,
    line: usize,
}

impl Profiles {
    pub(super) fn of<'f>(
        files: impl IntoIterator<Item = (FileKind, &'f PathBuf, &'f str)>,
    ) -> Self {
        let mut profiles = Self::default();
        for (kind, path, text) in files {
            let file: Arc<Path> = Arc::from(path.as_path());
            let ini = Ini::read(text);
            if let (None, Some(line)) = (&profiles.astray, ini.astray) {
                profiles.astray = Some((Arc::clone(&file), line));
            }
            // `[profile default]` goes before `[default]`, as the SDKs have it.
            let spelled_out = ini.sections.iter().any(|(heading, _)| {
                words(heading).is_some_and(|words| words == ["profile", "default"])
            });
            for (heading, section) in ini.sections {
                if kind == FileKind::Credentials {
                    profiles.profile(heading).merge(&file, section);
                    continue;
                }
                if heading == "default" {
                    if !spelled_out {
                        profiles.profile(heading).merge(&file, section);
                    }
                    continue;
                }
                match words(&heading).as_deref() {
                    Some([kind, name]) if kind == "profile" => {
                        profiles.profile(name.clone()).merge(&file, section);
                    }
                    Some([kind, name]) if kind == "services" => {
                        let services = profiles.services.entry(name.clone()).or_default();
                        services.merge(&file, section);
                    }
                    _ => {}
                }
            }
        }
        profiles
    }

    fn profile(&mut self, name: String) -> &mut Profile {
        let profile = self.profiles.entry(name.clone()).or_default();
        profile.name = name;
        profile
    }

    /// The profile of this name, which is to be started from: all of it can be read.
    pub(super) fn get(&self, name: &str) -> Result<Option<&Profile>, Error> {
        let Some(profile) = self.profiles.get(name) else {
            return Ok(None);
        };
        match &profile.unreadable {
            Some((file, line)) => Err(Error::misconfigured(format!(
                "the profile {name} cannot be read: line {line} of {} is no name = value",
                file.display()
            ))),
            None => Ok(Some(profile)),
        }
    }

    /// That nothing is configured, unless there is a line that may have meant something.
    pub(super) fn nothing(&self, what: String) -> Error {
        match &self.astray {
            Some((file, line)) => Error::misconfigured(format!(
                "{what}, and line {line} of {} cannot be read: it is no [section], and in none",
                file.display()
            )),
            None => Error::not_configured(what),
        }
    }

    /// What stands nested under a name in the group of services that a profile names.
    pub(super) fn of_service(
        &self,
        profile: &Profile,
        service: &str,
        name: &str,
    ) -> Result<Option<(String, String)>, Error> {
        let Some(group) = profile.get("services")? else {
            return Ok(None);
        };
        let services = self.services.get(group).ok_or_else(|| {
            profile.wrong(&format!("names the services {group:?}, which do not exist"))
        })?;
        let Some(value) = services.properties.get(service) else {
            return Ok(None);
        };
        let found = nested(&value.text)
            .remove(name)
            .filter(|text| !text.is_empty());
        let named = format!(
            "{name} of {service} in the services {group}, from line {} of {} on,",
            value.line,
            value.file.display()
        );
        Ok(found.map(|text| (named, text)))
    }
}

impl Profile {
    fn merge(&mut self, file: &Arc<Path>, section: Section) {
        if let (None, Some(line)) = (&self.unreadable, section.unreadable) {
            self.unreadable = Some((Arc::clone(file), line));
        }
        for (name, property) in section.properties {
            let value = Value {
                text: property.value,
                file: Arc::clone(file),
                line: property.line,
            };
            self.properties.insert(name, value);
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The value of a property; `None` where it is not there, or empty.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, Error> {
        let Some(value) = self.properties.get(name) else {
            return Ok(None);
        };
        if value.text.contains('\n') {
            return Err(Error::misconfigured(format!(
                "{name} of the profile {} goes on over several lines, from line {} of {} on: the lines after it are indented \
                 more than it is",
                self.name,
                value.line,
                value.file.display()
            )));
        }
        Ok(Some(value.text.as_str()).filter(|text| !text.is_empty()))
    }

    pub(super) fn is_true(&self, name: &str) -> Result<bool, Error> {
        let value = self.get(name)?;
        Ok(value.is_some_and(|value| value.eq_ignore_ascii_case("true")))
    }

    /// Where a property stands.
    pub(super) fn named(&self, name: &str) -> String {
        let place = self
            .properties
            .get(name)
            .map(|value| format!(", line {} of {},", value.line, value.file.display()));
        format!(
            "{name} of the profile {}{}",
            self.name,
            place.unwrap_or_default()
        )
    }

    /// What is wrong with it, and where it stands.
    pub(super) fn wrong(&self, what: &str) -> Error {
        let last = self.properties.values().next_back();
        let file = last.map(|value| value.file.display().to_string());
        Error::misconfigured(format!(
            "the profile {} in {} {what}",
            self.name,
            file.as_deref().unwrap_or("the shared configuration files")
        ))
    }
}
