//! The two files that profiles stand in, as text: [`Files`].

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use aws_config::profile::ProfileSet;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env as SdkEnv, Fs};
use keytide_core::Error;
use keytide_issuer::{Env, SmallFile};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use zeroize::Zeroizing;

/// What the files hold. The SDK takes one that it cannot read for an empty one, so they are read here.
pub(super) struct Files(Vec<File>);

struct File {
    what: &'static str,
    kind: EnvConfigFileKind,
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

    /// The profiles, by the SDK's own parser.
    pub(super) async fn parse(&self, selected: Option<String>) -> Result<ProfileSet, Error> {
        if let Some(profiles) = parsed(&self.0, selected).await? {
            return Ok(profiles);
        }
        for file in &self.0 {
            if parsed(std::slice::from_ref(file), None).await?.is_none() {
                return Err(Error::misconfigured(format!(
                    "{} in {} cannot be parsed: it is no list of [sections] of name = value",
                    file.what,
                    file.path.display()
                )));
            }
        }
        Err(Error::misconfigured(
            "the shared configuration files of AWS cannot be parsed together",
        ))
    }
}

impl File {
    fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.content).map_err(|_| {
            Error::misconfigured(format!(
                "{} in {} is not UTF-8 text",
                self.what,
                self.path.display()
            ))
        })
    }
}

/// `None`: they cannot be parsed. The SDK's error may quote a file, and so may what it logs.
async fn parsed(files: &[File], selected: Option<String>) -> Result<Option<ProfileSet>, Error> {
    // The SDK panics over no file at all.
    let mut given = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "");
    for file in files {
        given = given.with_contents(file.kind, file.text()?);
    }
    let (fs, env, given) = (Fs::from_slice(&[]), SdkEnv::from_slice(&[]), given.build());
    let load = aws_config::profile::load(&fs, &env, &given, selected.map(Into::into));
    Ok(load.with_subscriber(NoSubscriber::new()).await.ok())
}

/// Where a file is.
struct FileLocation {
    kind: EnvConfigFileKind,
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
    kind: EnvConfigFileKind::Config,
    what: "the shared configuration file of AWS",
    variable: "AWS_CONFIG_FILE",
    default: "~/.aws/config",
};
const CREDENTIALS: FileLocation = FileLocation {
    kind: EnvConfigFileKind::Credentials,
    what: "the shared credentials file of AWS",
    variable: "AWS_SHARED_CREDENTIALS_FILE",
    default: "~/.aws/credentials",
};
/// Bytes: some have a profile for each of many accounts.
const MOST: usize = 1 << 20;
