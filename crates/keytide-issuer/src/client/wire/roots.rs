//! Whom to trust, and where that is written: [`Roots`].

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use keytide_core::Error;
use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::file::read_small;

/// Which root certificates vouch for an issuer.
#[derive(Debug, Clone)]
pub(in crate::client) struct Roots {
    /// Whether those of the machine do.
    machine: bool,
    given: Vec<CertificateDer<'static>>,
    files: Vec<PathBuf>,
}

/// What the files with the roots look like from outside. When it is another one, they may hold something else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Print(Vec<(PathBuf, Option<Look>)>);

#[derive(Debug, PartialEq, Eq)]
struct Look {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time of the last change of the inode: a file that was put in the place of another one.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Roots {
    pub(in crate::client) fn of_machine() -> Self {
        Self {
            machine: true,
            given: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Adds certificates in PEM.
    pub(in crate::client) fn add(&mut self, pem: &[u8]) -> Result<(), Error> {
        let found = certificates(pem).ok_or_else(|| {
            Error::misconfigured("the root certificates are not certificates in PEM")
        })?;
        self.given.extend(found);
        Ok(())
    }

    /// Adds those in a file, read when they are needed.
    pub(in crate::client) fn add_file(&mut self, path: PathBuf) {
        self.files.push(path);
    }

    pub(in crate::client) fn leave_out_machine(&mut self) {
        self.machine = false;
    }

    /// Whether nobody could ever be trusted.
    pub(in crate::client) fn are_none(&self) -> bool {
        !self.machine && self.given.is_empty() && self.files.is_empty()
    }

    /// Reads them. Blocks for as long as the file system takes.
    pub(super) fn read(&self) -> Result<Arc<ClientConfig>, Error> {
        let mut extra = self.given.clone();
        for path in &self.files {
            let bytes = read_small(path, LARGEST)
                .map_err(|error| error.explain("the root certificates", path))?;
            let found = certificates(&bytes).ok_or_else(|| {
                let path = path.display();
                Error::misconfigured(format!(
                    "the root certificates in {path} are not certificates in PEM"
                ))
            })?;
            extra.extend(found);
        }
        let provider = CryptoProvider::get_default()
            .cloned()
            .unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
        let made = || -> Result<ClientConfig, rustls::Error> {
            let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(&[&TLS13, &TLS12])?;
            let config = if self.machine {
                let verifier = Verifier::new_with_extra_roots(extra, provider)?;
                let verifier = Arc::new(verifier);
                // That of the platform, which judges as strictly as any: what is dangerous is to bring one's own.
                config
                    .dangerous()
                    .with_custom_certificate_verifier(verifier)
            } else {
                let mut store = RootCertStore::empty();
                for certificate in extra {
                    store.add(certificate)?;
                }
                config.with_root_certificates(store)
            };
            let mut config = config.with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(config)
        };
        made().map(Arc::new).map_err(|error| self.unreadable(error))
    }

    /// Why there are none.
    fn unreadable(&self, error: rustls::Error) -> Error {
        // Where no file can be opened, there is nothing wrong with the certificates.
        if let Some((path, cause)) = self.machine.then(unopened).flatten() {
            let path = path.display();
            let message = format!("the root certificates in {path} could not be read");
            return Error::unavailable(message).caused_by(cause);
        }
        Error::misconfigured(
            "TLS cannot be set up: check the root certificates of this machine (SSL_CERT_FILE, SSL_CERT_DIR)",
        )
        .caused_by(error)
    }

    /// Looks at the files. Blocks for as long as the file system takes.
    pub(super) fn print(&self) -> Print {
        let mut paths = self.files.clone();
        if self.machine {
            paths.extend(machine());
        }
        let mut seen = Vec::new();
        for path in paths {
            if path.is_dir() {
                let entries = fs::read_dir(&path).into_iter().flatten().flatten();
                let mut entries: Vec<PathBuf> = entries
                    .take(MOST_ENTRIES)
                    .map(|entry| entry.path())
                    .collect();
                entries.sort_unstable();
                seen.extend(entries);
            }
            seen.push(path);
        }
        let look = |path: PathBuf| {
            let look = fs::metadata(&path).ok().map(|known| Look::of(&known));
            (path, look)
        };
        Print(seen.into_iter().map(look).collect())
    }
}

impl Look {
    fn of(known: &fs::Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;

        Self {
            length: known.len(),
            modified: known.modified().ok(),
            #[cfg(unix)]
            inode: (known.dev(), known.ino(), known.ctime(), known.ctime_nsec()),
        }
    }
}

/// All certificates in a text, if there is one.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty())
}

/// A file with roots of the machine that is there and cannot be opened.
fn unopened() -> Option<(PathBuf, std::io::Error)> {
    let files = machine().into_iter().filter(|path| !path.is_dir());
    files
        .filter_map(|path| {
            let error = fs::File::open(&path).err()?;
            (error.kind() != std::io::ErrorKind::NotFound).then_some((path, error))
        })
        .next()
}

/// Where the machine's roots are: the variables alone, if one of them is set.
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn machine() -> Vec<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what the platform's verifier reads is read where it reads it, or what is looked at would be another file"
    )]
    let set = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(std::env::var_os);
    let [file, directories] = &set;
    let mut paths: Vec<PathBuf> = file.iter().map(PathBuf::from).collect();
    paths.extend(directories.iter().flat_map(std::env::split_paths));
    if paths.is_empty() {
        let found = openssl_probe::probe();
        paths.extend(found.cert_file);
        paths.extend(found.cert_dir);
    }
    paths.retain(|path| *path != Path::new(""));
    paths
}

/// The operating system answers for them, and tells nobody when they change.
#[cfg(not(all(unix, not(target_vendor = "apple"), not(target_os = "android"))))]
fn machine() -> Vec<PathBuf> {
    Vec::new()
}

/// Bundles of all roots of the web have a quarter of it.
const LARGEST: usize = 4 << 20;
/// A directory with more files is not a directory of roots.
const MOST_ENTRIES: usize = 4096;
