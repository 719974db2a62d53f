//! The IPv4 addresses that an IPv6 address leads to: [`carried`].

use std::net::{Ipv4Addr, Ipv6Addr};

/// Every IPv4 address that `address` carries in a known form, so that packets to it may end up there; none where it is no
/// more than an IPv6 address.
///
/// | form | prefix | where it stands | source |
/// |---|---|---|---|
/// | IPv4-mapped | `::ffff:0:0/96` | the last 4 bytes | RFC 4291, section 2.5.5.2 |
/// | IPv4-compatible | `::/96` | the last 4 bytes | RFC 4291, section 2.5.5.1 |
/// | IPv4-translated | `::ffff:0:0:0/96` | the last 4 bytes | RFC 2765, section 2.1 |
/// | NAT64, well known | `64:ff9b::/96` | the last 4 bytes | RFC 6052, section 2.1 |
/// | NAT64, local | `64:ff9b:1::/48` | by the length of the prefix | RFC 8215; RFC 6052, section 2.2 |
/// | 6to4 | `2002::/16` | bytes 2 to 5 | RFC 3056, section 2 |
/// | Teredo | `2001::/32` | server: bytes 4 to 7; client: the last 4, inverted | RFC 4380, section 4 |
/// | ISATAP | any, then `[02]00:5efe` | the last 4 bytes | RFC 5214, section 6.1 |
///
/// A prefix that a network has chosen for its own NAT64 cannot be told from any other.
pub(super) fn carried(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    if address.is_unspecified() || address.is_loopback() {
        return Vec::new();
    }
    let segments = address.segments();
    let bytes = address.octets();
    let [.., a, b, c, d] = bytes;
    let last = Ipv4Addr::new(a, b, c, d);
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x0064, 0xff9b, 0, 0, 0, 0, ..] => vec![last],
        [0x0064, 0xff9b, 1, ..] => of_local_nat64(&bytes),
        [0x2002, ..] => vec![Ipv4Addr::new(bytes[2], bytes[3], bytes[4], bytes[5])],
        [0x2001, 0, ..] => {
            let server = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
            vec![Ipv4Addr::new(!a, !b, !c, !d), server]
        }
        [_, _, _, _, 0 | 0x0200, 0x5efe, ..] => vec![last],
        _ => Vec::new(),
    }
}

/// In this prefix a network chooses 48, 56, 64 or 96 bits for its own, and the address stands behind them, around byte 8,
/// which is zero; what is behind it is zero too. All that may be meant count, but for those of 0.0.0.0/8, which is what
/// the zeros of the others look like.
fn of_local_nat64(bytes: &[u8; 16]) -> Vec<Ipv4Addr> {
    let readings = [
        [6, 7, 9, 10],
        [7, 9, 10, 11],
        [9, 10, 11, 12],
        [12, 13, 14, 15],
    ];
    let mut found = Vec::new();
    for at in readings {
        let rest_is_zero = bytes[at[3] + 1..].iter().all(|byte| *byte == 0);
        let around_8 = at[3] == 15 || bytes[8] == 0;
        let read = Ipv4Addr::from(at.map(|index| bytes[index]));
        if rest_is_zero && around_8 && read.octets()[0] != 0 {
            found.push(read);
        }
    }
    if found.is_empty() {
        found.push(Ipv4Addr::UNSPECIFIED);
    }
    found
}
