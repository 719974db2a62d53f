//! Tokens, and a directory that is swapped as kubelet swaps it.

use std::fs;
use std::future::Future;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keytide_core::{
    Agent, AgentBuilder, AgentIdentity, Credential, Error, Issued, Profile, ProvideCredential,
    Request,
};
use keytide_kubernetes::ProjectedToken;

pub(crate) const SUBJECT: &str = "system:serviceaccount:billing:reader";

pub(crate) fn agent() -> AgentBuilder {
    let identity = AgentIdentity {
        agent_type: "test-agent".into(),
        version: "0.0.0".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "tokens are dated by the real clock"
    )]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A token as kubelet mounts it, with this signature.
pub(crate) fn token(signature: &str) -> String {
    token_of(&claims(3600), signature)
}

pub(crate) fn token_of(claims: &str, signature: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"one"}"#);
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
}

/// The claims of a token that was made now.
pub(crate) fn claims(lifetime: u64) -> String {
    let made = now();
    format!(
        r#"{{"aud":["https://api.example.com"],"exp":{},"iat":{made},"sub":"{SUBJECT}"}}"#,
        made + lifetime
    )
}

pub(crate) fn text(credential: &Credential) -> &str {
    std::str::from_utf8(credential.expose_bearer("test").unwrap()).unwrap()
}

/// Fails the test that waits for too long.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(output) => output,
        Err(_) => panic!("not within 20 s"),
    }
}

/// A volume with one file, `token`.
pub(crate) struct Volume {
    root: tempfile::TempDir,
    swaps: u64,
}

impl Volume {
    pub(crate) fn with(token: &str) -> Self {
        // In memory where that can be had: kubelet's volumes are.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let mut volume = Self {
            root: root.unwrap(),
            swaps: 0,
        };
        volume.swap(token);
        symlink("..data/token", volume.token()).unwrap();
        volume
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// What the pod reads.
    pub(crate) fn token(&self) -> PathBuf {
        self.path().join("token")
    }

    /// Replaces the content in one step.
    pub(crate) fn swap(&mut self, token: &str) {
        self.swaps += 1;
        let name = format!("..2026_11_24_10_00_00.{}", self.swaps);
        let current = self.path().join(&name);
        fs::create_dir(&current).unwrap();
        fs::write(current.join("token"), token).unwrap();
        let former = fs::read_link(self.path().join("..data")).ok();
        symlink(&name, self.path().join("..data_tmp")).unwrap();
        fs::rename(self.path().join("..data_tmp"), self.path().join("..data")).unwrap();
        if let Some(former) = former {
            let former = self.path().join(former);
            // A test may have put something else in its place.
            let _ = fs::remove_file(former.join("token"));
            fs::remove_dir(former).unwrap();
        }
    }

    /// Changes the file in place, as kubelet never does.
    pub(crate) fn overwrite(&self, content: &[u8]) {
        fs::write(self.path().join("..data/token"), content).unwrap();
    }

    pub(crate) fn remove_all(&self) {
        fs::remove_dir_all(self.path()).unwrap();
    }
}

/// Counts the calls of a provider.
pub(crate) struct Counted {
    provider: ProjectedToken,
    calls: Arc<AtomicU64>,
}

impl Counted {
    pub(crate) fn new(provider: ProjectedToken) -> (Self, Arc<AtomicU64>) {
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Self {
            provider,
            calls: Arc::clone(&calls),
        };
        (counted, calls)
    }
}

impl ProvideCredential for Counted {
    fn profile(&self) -> Profile {
        self.provider.profile()
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.provider.provide(request).await
    }
}
