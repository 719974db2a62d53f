//! Names, looked up once and judged: [`Names`].

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Place;
use super::endpoint::LOCALHOST;
use crate::one_at_a_time::OneAtATime;

/// Looks names up, and gives out only addresses that an issuer may have.
///
/// The addresses that were judged are those that are connected to: there is no second look-up that could tell another
/// story.
#[derive(Clone)]
pub(super) enum Names {
    /// The operating system's resolver.
    System,
    #[cfg(test)]
    Fixed(std::sync::Arc<std::collections::HashMap<String, Vec<IpAddr>>>),
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
        let addresses = self.look_up(name).await?;
        // One bad address spoils them all: who answers so answers wrongly, or on purpose.
        for address in &addresses {
            let what = match Place::of_found(address.ip()) {
                Place::Elsewhere => continue,
                Place::Loopback => "loopback: name the address itself, or localhost",
                Place::Metadata => "a metadata address: name the address itself",
                Place::LinkLocal => "a link-local address",
                Place::Never(what) => what,
            };
            let name = name.to_owned();
            return Err(Forbidden { name, what }.into());
        }
        Ok(addresses)
    }

    pub(super) async fn look_up(
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

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let addresses = names.find(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to {}", self.name, self.what)
    }
}

impl StdError for Forbidden {}
