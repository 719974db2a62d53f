//! Names, looked up once and judged: [`Names`].

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock};

use super::address::AddressClass;
use super::endpoint::LOCALHOST;
use crate::one_at_a_time::OneAtATime;

/// Looks names up, and gives out only addresses that an issuer may have.
///
/// The addresses that were judged are those that are connected to: there is no second look-up that could tell another
/// story.
#[derive(Clone)]
pub(super) struct Names {
    source: Source,
    /// Names that are allowed to lead to this machine, and nowhere else.
    here: Arc<Vec<String>>,
}

#[derive(Clone)]
enum Source {
    /// The operating system's resolver.
    System,
    #[cfg(test)]
    Fixed(Arc<std::collections::HashMap<String, Vec<IpAddr>>>),
}

/// By name. The system's resolver may hang for as long as it likes, and must stop nobody who asks for another name.
static LOOK_UPS: LazyLock<OneAtATime<String, Found>> = LazyLock::new(OneAtATime::new);

type Found = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// A name leads where no issuer can be.
#[derive(Debug)]
pub(super) struct Forbidden {
    pub(super) name: String,
    pub(super) what: &'static str,
}

impl Names {
    pub(super) fn system() -> Self {
        Self {
            source: Source::System,
            here: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn fixed<'a>(names: impl IntoIterator<Item = (&'a str, Vec<IpAddr>)>) -> Self {
        let names = names
            .into_iter()
            .map(|(name, found)| (name.to_owned(), found));
        Self {
            source: Source::Fixed(Arc::new(names.collect())),
            here: Arc::default(),
        }
    }

    /// These addresses, with what `other` was told of this machine.
    #[cfg(test)]
    pub(super) fn beside(self, other: &Self) -> Self {
        Self {
            here: Arc::clone(&other.here),
            ..self
        }
    }

    /// From now on this name leads to this machine alone.
    pub(super) fn place_here(&mut self, name: String) {
        Arc::make_mut(&mut self.here).push(name);
    }

    /// Whether this name is one that may lead to this machine.
    pub(super) fn is_here(&self, name: &str) -> bool {
        self.here.iter().any(|here| here == name)
    }

    /// The addresses of a name, each judged.
    pub(super) async fn find(
        &self,
        name: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn StdError + Send + Sync>> {
        if name == LOCALHOST {
            let loopback = [
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ];
            return Ok(loopback.map(|address| SocketAddr::new(address, 0)).to_vec());
        }
        let addresses = self.source.look_up(name).await?;
        let is_here = self.is_here(name);
        // One bad address spoils them all: who answers so answers wrongly, or on purpose.
        for address in &addresses {
            let what = match AddressClass::of_found(address.ip()) {
                AddressClass::Elsewhere if !is_here => continue,
                AddressClass::Elsewhere => "another machine, and was told to be this one",
                AddressClass::Loopback if is_here => continue,
                AddressClass::Loopback => "loopback: name the address itself, or localhost",
                AddressClass::Metadata => "a metadata address: name the address itself",
                AddressClass::LinkLocal => "a link-local address",
                AddressClass::Never(what) => what,
            };
            let name = name.to_owned();
            return Err(Forbidden { name, what }.into());
        }
        Ok(addresses)
    }
}

impl Source {
    async fn look_up(
        &self,
        name: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn StdError + Send + Sync>> {
        match self {
            Self::System => {
                let (key, name) = (name.to_owned(), name.to_owned());
                // Port 0: that of the URL.
                let look_up = move || (name.as_str(), 0).to_socket_addrs().map(Iterator::collect);
                let found = LOOK_UPS
                    .run(key, move || look_up().map_err(Arc::new))
                    .await?;
                found.map_err(|error| error.into())
            }
            #[cfg(test)]
            Self::Fixed(names) => Ok(names
                .get(name)
                .into_iter()
                .flatten()
                .map(|address| SocketAddr::new(*address, 0))
                .collect()),
        }
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to {}", self.name, self.what)
    }
}

impl StdError for Forbidden {}
