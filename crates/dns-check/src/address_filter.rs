//! Which addresses are asked: few, and none that is only reached from inside of some network.
//!
//! Name servers are named by anybody who may deploy a stack, and asked from the function's network.
//! Without this rule a name server at `10.0.0.1` would be a way to look around in there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::Unresolved;

/// How many addresses of a name server are asked of each family, so that neither keeps the other
/// out; those of Route 53 have one of each.
const OF_A_FAMILY: usize = 2;

/// The addresses of a name server.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// Those to ask, those of IPv4 first.
    pub(super) asked: Vec<IpAddr>,
    /// Whether there are others, which the internet can't reach.
    pub(super) has_private: bool,
    /// Why there may be others, which are not known.
    pub(super) missing: Option<Unresolved>,
}

impl Addresses {
    /// Chooses those to ask; with `anywhere` every address may be one.
    ///
    /// # Errors
    /// If the internet can't reach any of them, or there are none at all.
    pub(super) fn choose(all: &[IpAddr], anywhere: bool) -> Result<Self, Unresolved> {
        let may_be_asked = |address: &&IpAddr| anywhere || is_global(**address);
        let of_family = |v4: bool| {
            let addresses =
                all.iter().filter(may_be_asked).filter(move |address| address.is_ipv4() == v4);
            addresses.take(OF_A_FAMILY).copied()
        };
        let asked: Vec<IpAddr> = of_family(true).chain(of_family(false)).collect();
        let has_private = !all.iter().all(|address| may_be_asked(&address));
        match asked.is_empty() {
            false => Ok(Self { asked, has_private, missing: None }),
            true if has_private => Err(Unresolved::Private),
            true => Err(Unresolved::NoAddress),
        }
    }
}

/// What has an IPv4 address that is not globally reachable: IANA, "IPv4 Special-Purpose Address
/// Registry" (RFC 6890). Multicast and what is reserved, from 224.0.0.0 on, are one block.
const IPV4: [(Ipv4Addr, u32); 14] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// What of the global unicast addresses of IPv6 is none: IANA, "IPv6 Special-Purpose Address
/// Registry".
///
/// `2001::/23` is for protocols, Teredo (`2001::/32`) among them; `2002::/16`, 6to4, has an IPv4
/// address within.
const IPV6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// All that is delegated of IPv6 (RFC 4291, section 2.4; IANA, "IPv6 Global Unicast Address
/// Assignments"). Outside of it are the loopback, local addresses, and those with an IPv4 address
/// within.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether the internet can reach an address.
pub(super) fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let in_block = |(block, length): &(Ipv4Addr, u32)| {
                (address.to_bits() ^ block.to_bits()) >> (32 - length) == 0
            };
            !IPV4.iter().any(in_block)
        }
        IpAddr::V6(address) => {
            let in_block = |(block, length): &(Ipv6Addr, u32)| {
                (address.to_bits() ^ block.to_bits()) >> (128 - length) == 0
            };
            in_block(&GLOBAL_UNICAST) && !IPV6.iter().any(in_block)
        }
    }
}
