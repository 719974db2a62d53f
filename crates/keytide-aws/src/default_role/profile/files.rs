//! The two files that profiles stand in, as text: [`Files`].

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use keytide_core::Error;
use keytide_issuer::{Env, SmallFile};
use zeroize::Zeroizing;

use super::profiles::{FileKind, Profiles};

/// What the files hold.
pub(super) struct Files(Vec<File>);

struct File {
    what: &'static str,
    kind: FileKind,
    path: PathBuf,
    content: Arc<Zeroizing<Vec<u8>>>,
}

impl Files {
    /// Reads those that are there.
    pub(super) async fn read(env: &Env) -> Result<Self, Error> {
        let mut files = Vec::new();
        for location in [CONFIG, CREDENTIALS] {
            let Some(path) = location.path(env)? else {
                continue;
            };
            let file = SmallFile::new(&path, location.what).at_most(MOST);
            if let Some(content) = file.find().await? {
                files.push(File {
                    what: location.what,
                    kind: location.kind,
                    path,
                    content,
                });
            }
        }
        for file in &files {
            file.text()?;
        }
        Ok(Self(files))
    }

    /// The profiles in them.
    pub(super) fn profiles(&self) -> Result<Profiles, Error> {
        let texts = self
            .0
            .iter()
            .map(|file| Ok((file.kind, &file.path, file.text()?)));
        Ok(Profiles::of(texts.collect::<Result<Vec<_>, Error>>()?))
    }
}

impl File {
    fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.content).map_err(|error| {
            let before = &self.content[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            Error::misconfigured(format!(
                "{} in {} is not UTF-8 text: see its line {line}",
                self.what,
                self.path.display()
            ))
        })
    }
}

/// Where a file is.
struct FileLocation {
    kind: FileKind,
    what: &'static str,
    variable: &'static str,
    default: &'static str,
}

impl FileLocation {
    /// By the variable, or in the home directory; `None` where there is none.
    fn path(&self, env: &Env) -> Result<Option<PathBuf>, Error> {
        let configured = env.get(self.variable)?;
        let path = Path::new(configured.as_deref().unwrap_or(self.default));
        let mut components = path.components();
        if components.next() != Some(Component::Normal("~".as_ref())) {
            return Ok(Some(path.to_owned()));
        }
        match home(env)? {
            Some(home) => Ok(Some(Path::new(&home).join(components.as_path()))),
            None if configured.is_none() => Ok(None),
            None => Err(Error::misconfigured(format!(
                "{} begins with ~, and HOME is not set: set it, or write the path in full",
                self.variable
            ))),
        }
    }
}

/// As the SDK finds it.
fn home(env: &Env) -> Result<Option<String>, Error> {
    if let Some(home) = env.get("HOME")? {
        return Ok(Some(home));
    }
    if !cfg!(windows) {
        return Ok(None);
    }
    if let Some(home) = env.get("USERPROFILE")? {
        return Ok(Some(home));
    }
    let drive = env.get("HOMEDRIVE")?;
    Ok(drive
        .zip(env.get("HOMEPATH")?)
        .map(|(drive, path)| drive + &path))
}

const CONFIG: FileLocation = FileLocation {
    kind: FileKind::Config,
    what: "the shared configuration file of AWS",
    variable: "AWS_CONFIG_FILE",
    default: "~/.aws/config",
};
const CREDENTIALS: FileLocation = FileLocation {
    kind: FileKind::Credentials,
    what: "the shared credentials file of AWS",
    variable: "AWS_SHARED_CREDENTIALS_FILE",
    default: "~/.aws/credentials",
};
/// Bytes: some have a profile for each of many accounts.
const MOST: usize = 1 << 20;
