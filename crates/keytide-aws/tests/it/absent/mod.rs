//! What counts as absent, so that the search goes on, and what ends it.

mod beneath;
mod files;
mod variables;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use aws_config::meta::credentials::CredentialsProviderChain;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use keytide_aws::bridge::SdkCredentials;
use keytide_aws::{
    AssumeRole, CallerIdentityToken, ContainerEndpoint, Env, Imds, OutboundToken, WebIdentity,
    WebIdentityToken,
};
use keytide_core::{
    Agent, Cache, Chain, Credential, Error, ErrorKind, ProvideCredential, Subject, SubjectUse,
};
use keytide_testkit::aws::{Container, Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer};
use keytide_testkit::{Answer, ScriptedProvider};
use tokio::time::timeout;

use crate::machine::Machine;
use crate::support::{ROLE, agent, ask, chain, client, container, identity};

/// How many threads of this process read a file; those of other tests count too.
fn reading() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let named = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    named
        .filter(|name| name.starts_with("keytide-blockin"))
        .count()
}

/// What may stand where a file should.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Latin,
    Directory,
    Pipe,
    Circle,
    Dangling,
    DanglingDirectory,
    TooLarge,
}

const BROKEN: [Broken; 7] = [
    Broken::Latin,
    Broken::Directory,
    Broken::Pipe,
    Broken::Circle,
    Broken::Dangling,
    Broken::DanglingDirectory,
    Broken::TooLarge,
];

impl Broken {
    fn put(self, path: &Path) {
        let parent = path.parent().unwrap();
        if matches!(self, Self::DanglingDirectory) {
            fs::create_dir_all(parent.parent().unwrap()).unwrap();
            return symlink("nowhere", parent).unwrap();
        }
        fs::create_dir_all(parent).unwrap();
        match self {
            Self::Latin => fs::write(path, b"# canary M\xfcller\n").unwrap(),
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::Pipe => pipe(path),
            Self::Circle => symlink(path.file_name().unwrap(), path).unwrap(),
            Self::Dangling | Self::DanglingDirectory => symlink("nowhere", path).unwrap(),
            Self::TooLarge => fs::write(path, vec![b'#'; (1 << 20) + 1]).unwrap(),
        }
    }

    fn remove(self, path: &Path) {
        match self {
            Self::Directory => fs::remove_dir(path).unwrap(),
            Self::DanglingDirectory => fs::remove_file(path.parent().unwrap()).unwrap(),
            _ => fs::remove_file(path).unwrap(),
        }
    }
}

fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn latin() -> OsString {
    OsString::from_vec(b"/canary/m\xfcller".to_vec())
}

fn secret(credential: &Arc<Credential>) -> String {
    let key = credential.expose_signing_key("test").unwrap();
    String::from_utf8(key.secret.to_vec()).unwrap()
}

/// What a chain says whose first provider fails, and that has another one behind it.
async fn first(
    agent: &Agent,
    provider: impl ProvideCredential,
    other: impl ProvideCredential,
) -> Error {
    let search = Chain::first(provider).then(other);
    let cache: Cache = agent.cache(search).build().unwrap();
    cache.get().await.unwrap_err()
}

fn names(error: &Error, kind: ErrorKind, named: &[&str]) {
    let text = chain(error);
    assert_eq!(error.kind(), kind, "{text}");
    for name in named {
        assert!(text.contains(name), "no {name} in: {text}");
    }
}

/// Far more than an attempt takes, and far less than for ever.
const PATIENCE: Duration = Duration::from_secs(60);
