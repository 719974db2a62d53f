//! What an address is, as far as a credential is concerned: [`Place`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
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

impl Place {
    /// Judges an address as it stands. One that is written as another one is `Never`, for what reads it next may
    /// undo that.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, _, _] = address.octets();
        if address.is_loopback() {
            Self::Loopback
        } else if METADATA_V4.contains(&address) {
            Self::Metadata
        } else if FOREIGN_METADATA.contains(&address) {
            Self::Never("the metadata address of a cloud that is not spoken to here")
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
        let segments = address.segments();
        if address.is_loopback() {
            Self::Loopback
        } else if METADATA_V6.contains(&address) {
            Self::Metadata
        } else if address.is_unspecified() {
            Self::Never("an unspecified address")
        } else if embeds_v4(address) {
            Self::Never("an IPv4 address written as an IPv6 address: write it as it is")
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

/// Mapped, compatible, translated by NAT64, and 6to4.
fn embeds_v4(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let prefix_96 = &segments[..6];
    prefix_96 == [0, 0, 0, 0, 0, 0xffff]
        || prefix_96 == [0; 6]
        || prefix_96 == [0, 0, 0, 0, 0xffff, 0]
        || segments[..2] == [0x0064, 0xff9b]
        || segments[0] == 0x2002
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
/// Alibaba Cloud and Oracle Cloud Classic, whose addresses are not link-local.
const FOREIGN_METADATA: [Ipv4Addr; 2] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
