//! Chooses which addresses to query: a few of each name server, and none that can only be reached
//! from within a private network.
//!
//! Anybody who may deploy a stack can choose the name servers, and the function queries them from
//! its own network. Without this rule, a name server at `10.0.0.1` would be a way to scan that
//! network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::Unresolved;

/// How many addresses of each family are queried per name server, so that one family can't exclude
/// the other. Route 53's name servers have one address of each family.
const PER_FAMILY: usize = 2;

/// The addresses of a name server.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// The addresses to query, IPv4 first.
    pub(super) chosen: Vec<IpAddr>,
    /// True if there are other addresses, which can't be reached over the internet.
    pub(super) has_private: bool,
    /// True if there are others that could be queried, and are not.
    pub(super) has_more: bool,
    /// Why there may be further addresses that are unknown.
    pub(super) missing: Option<Unresolved>,
}

impl Addresses {
    /// Chooses the addresses to query. With `any_address`, private ones are allowed.
    ///
    /// # Errors
    /// If none of them can be reached over the internet, or if there are none.
    pub(super) fn choose(all: &[IpAddr], any_address: bool) -> Result<Self, Unresolved> {
        let is_allowed = |address: &&IpAddr| any_address || is_global(**address);
        let allowed = all.iter().filter(is_allowed);
        let count = allowed.clone().count();
        let v4 = allowed.clone().filter(|address| address.is_ipv4()).take(PER_FAMILY);
        let v6 = allowed.filter(|address| address.is_ipv6()).take(PER_FAMILY);
        let chosen: Vec<IpAddr> = v4.chain(v6).copied().collect();
        let has_private = !all.iter().all(|address| is_allowed(&address));
        match chosen.is_empty() {
            false => {
                let has_more = chosen.len() < count;
                Ok(Self { chosen, has_private, has_more, missing: None })
            }
            true if has_private => Err(Unresolved::Private),
            true => Err(Unresolved::NoAddress),
        }
    }
}

/// The IPv4 blocks that are not globally reachable: IANA, "IPv4 Special-Purpose Address Registry"
/// (RFC 6890). The multicast and reserved addresses from 224.0.0.0 on are one block.
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

/// The blocks within IPv6 global unicast that are not globally reachable: IANA, "IPv6
/// Special-Purpose Address Registry".
///
/// `2001::/23` is for protocols, including Teredo (`2001::/32`). `2002::/16` (6to4) contains an
/// IPv4 address.
const IPV6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// All IPv6 addresses that are delegated (RFC 4291, section 2.4; IANA, "IPv6 Global Unicast Address
/// Assignments"). The loopback, local addresses, and those that contain an IPv4 address are outside
/// of it.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// True if an address can be reached over the internet.
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
