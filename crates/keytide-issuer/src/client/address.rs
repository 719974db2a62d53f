//! What an address is, as far as a credential is concerned: [`AddressClass`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::carried::carried;

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressClass {
    /// This machine.
    Loopback,
    /// A metadata service that is documented to speak plain HTTP at this very address.
    Metadata,
    /// A link-local IPv4 address: a platform may have its token service there.
    LinkLocal,
    /// Nowhere that an issuer of tokens can be; says what it is.
    Never(&'static str),
    /// Any other host, private ones included.
    Elsewhere,
}

impl AddressClass {
    /// Judges an address as it stands. One that is written as another one is `Never`, for what reads it next may
    /// undo that.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// Judges an address that a name was found to have. One that carries an IPv4 address leads there, whatever it looks
    /// like: behind DNS64 that is how a good address comes, and a bad one could hide so.
    pub(super) fn of_found(address: IpAddr) -> Self {
        let IpAddr::V6(address) = address else {
            return Self::of(address);
        };
        let inside = carried(address);
        let outside = Self::of_plain_v6(address);
        let mut judged = inside.into_iter().map(Self::of_v4).chain([outside]);
        judged
            .find(|place| *place != Self::Elsewhere)
            .unwrap_or(Self::Elsewhere)
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, _, _] = address.octets();
        if address.is_loopback() {
            Self::Loopback
        } else if METADATA_V4.contains(&address) {
            Self::Metadata
        } else if FOREIGN_METADATA.contains(&address) {
            Self::Never(FOREIGN)
        } else if (a, b) == (169, 254) {
            Self::LinkLocal
        } else if a == 0 {
            Self::Never("an unspecified address")
        } else if address.is_multicast() {
            Self::Never("a multicast address")
        } else if a >= 240 {
            Self::Never("a reserved address")
        } else {
            Self::Elsewhere
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if carried(address).is_empty() {
            Self::of_plain_v6(address)
        } else {
            Self::Never("an IPv4 address written as an IPv6 address: write it as it is")
        }
    }

    /// As if it carried no IPv4 address.
    fn of_plain_v6(address: Ipv6Addr) -> Self {
        let segments = address.segments();
        if address.is_loopback() {
            Self::Loopback
        } else if METADATA_V6.contains(&address) {
            Self::Metadata
        } else if address.is_unspecified() {
            Self::Never("an unspecified address")
        } else if FOREIGN_METADATA_V6.contains(&address) {
            Self::Never(FOREIGN)
        } else if address.is_multicast() {
            Self::Never("a multicast address")
        } else if segments[0] & 0xffc0 == 0xfe80 || segments[0] & 0xffc0 == 0xfec0 {
            Self::Never("a link-local address")
        } else if segments[..2] == [0xfd00, 0x0ec2] {
            Self::Never("an address of the metadata network that is not documented")
        } else {
            Self::Elsewhere
        }
    }
}

/// EC2, Azure and Google; the ECS agent; the EKS Pod Identity agent.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
];
/// EC2; the EKS Pod Identity agent; Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];
/// Where platforms serve their machines from outside of the link-local range, and no issuer is. That of Alibaba Cloud is in the
/// documentation of cloud-init, the others are as public sources use them.
const FOREIGN_METADATA: [Ipv4Addr; 4] = [
    // Alibaba Cloud: "View instance metadata".
    Ipv4Addr::new(100, 100, 100, 200),
    // Volcano Engine and BytePlus.
    Ipv4Addr::new(100, 96, 0, 96),
    // Azure's WireServer: "What is IP address 168.63.129.16?". It hands out certificates and settings of extensions.
    Ipv4Addr::new(168, 63, 129, 16),
    // Oracle Cloud Classic.
    Ipv4Addr::new(192, 0, 0, 192),
];
const FOREIGN_METADATA_V6: [Ipv6Addr; 4] = [
    // Oracle Cloud Infrastructure.
    Ipv6Addr::new(0xfd00, 0x00c1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    // Scaleway.
    Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042),
    // Akamai, Linode.
    Ipv6Addr::new(0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 0x0001),
    // Alibaba Cloud.
    Ipv6Addr::new(0xfd00, 0x0100, 0, 0, 0, 0, 0x0100, 0x0200),
];
const FOREIGN: &str = "an address that a cloud platform serves its machines from";
