//! Who takes part: [`Entrant`] and what the report says of it, [`Info`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::issuer::FakeIssuer;
use crate::running::{Failure, Running};

/// One that takes part.
#[derive(Clone)]
pub struct Entrant {
    info: Info,
    start: Arc<Start>,
}

type Start = dyn Fn(&FakeIssuer) -> Result<Arc<dyn Running>, Failure> + Send + Sync;

/// What the report says of one that takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// What tables call it: as a rule the name of its crate.
    pub name: String,
    /// The name of its crate; empty where it has none.
    #[serde(rename = "crate")]
    pub krate: String,
    /// The version of the crate.
    pub version: String,
    /// What it stands for.
    pub role: Role,
    /// How it is set up.
    pub setup: String,
    /// How it is read.
    pub path: String,
    /// How long before the end of a credential it asks for the next, in seconds. The fake issuer gives it tokens that
    /// last this long and some seconds more, so that all meet their first refresh at the same time.
    pub margin_s: u64,
    /// By how much that varies, in seconds.
    pub jitter_s: u64,
}

/// What an entrant stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// A part that a cache could be made of. It keeps nothing fresh.
    Primitive,
    /// What the machine allows: the least that keeps a credential fresh, and no product.
    Floor,
    /// keytide.
    Keytide,
    /// What people use today.
    Peer,
    /// One that was put in by the user.
    Yours,
}

impl Entrant {
    pub(crate) fn new(
        info: Info,
        start: impl Fn(&FakeIssuer) -> Result<Arc<dyn Running>, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self {
            info,
            start: Arc::new(start),
        }
    }

    /// What the report says of it.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    pub(crate) fn start(&self, issuer: &FakeIssuer) -> Result<Arc<dyn Running>, Failure> {
        (self.start)(issuer)
    }
}

impl fmt::Debug for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entrant").field(&self.info).finish()
    }
}

impl Info {
    /// One that you put in. It asks for the next credential when the old one ends, unless
    /// [`ahead`](Self::ahead) says otherwise.
    #[must_use]
    pub fn yours(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self::new(name, version, Role::Yours)
    }

    pub(crate) fn new(name: impl Into<String>, version: impl Into<String>, role: Role) -> Self {
        let name = name.into();
        Self {
            krate: name.clone(),
            name,
            version: version.into(),
            role,
            setup: String::new(),
            path: String::new(),
            margin_s: 0,
            jitter_s: 0,
        }
    }

    /// How long before the end of a credential it asks for the next, and by how much that varies, in whole seconds.
    #[must_use]
    pub fn ahead(mut self, margin_s: u64, jitter_s: u64) -> Self {
        self.margin_s = margin_s;
        self.jitter_s = jitter_s;
        self
    }

    /// How it is set up, in a few words.
    #[must_use]
    pub fn setup(mut self, setup: impl Into<String>) -> Self {
        self.setup = setup.into();
        self
    }

    /// The call by which it is read.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn of_crate(mut self, krate: &str) -> Self {
        self.krate = krate.to_owned();
        self
    }

    /// Its name, its crate and the version of that: `moka 0.12.16`, `keytide read (keytide-core 0.1.0)`.
    #[must_use]
    pub fn title(&self) -> String {
        let Self {
            name,
            krate,
            version,
            ..
        } = self;
        if version.is_empty() {
            name.clone()
        } else if name == krate {
            format!("{name} {version}")
        } else {
            format!("{name} ({krate} {version})")
        }
    }

    /// How long a token lasts of which the first refresh is due `fresh` after it was issued.
    pub(crate) fn lifetime(&self, fresh: Duration) -> Duration {
        fresh + Duration::from_secs(self.margin_s)
    }

    pub(crate) fn jitter(&self) -> Duration {
        Duration::from_secs(self.jitter_s)
    }
}

impl Role {
    /// Whether ratios to the best peer count it.
    #[must_use]
    pub fn is_peer(self) -> bool {
        self == Self::Peer
    }
}
