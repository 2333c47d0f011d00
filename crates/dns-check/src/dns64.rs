//! Removes the IPv6 addresses that a resolver synthesizes from IPv4 addresses (DNS64, RFC 6147).
//! They are not addresses of the name server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address_filter::is_global;

/// The well-known prefix (RFC 6052, section 2.1).
const WELL_KNOWN: Prefix =
    Prefix { address: Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), length: 96 };

/// The name whose only addresses are [`KNOWN`], so that the addresses synthesized from them reveal
/// the prefix (RFC 7050).
pub(super) const DISCOVERY: &str = "ipv4only.arpa";

/// The addresses of that name (RFC 7050, section 8.2).
const KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

/// The lengths that a prefix may have (RFC 6052, section 2.2).
const LENGTHS: [u8; 6] = [32, 40, 48, 56, 64, 96];

/// The part of an address before the embedded IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    address: Ipv6Addr,
    length: u8,
}

impl Prefix {
    fn new(address: Ipv6Addr, length: u8) -> Self {
        let mask = u128::MAX << (128 - u32::from(length));
        Self { address: Ipv6Addr::from_bits(address.to_bits() & mask), length }
    }

    /// The IPv4 address embedded in an IPv6 address with this prefix.
    fn within(self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        (Self::new(address, self.length) == self).then(|| embedded(address, self.length))
    }

    /// The prefixes in these addresses of [`DISCOVERY`].
    pub(super) fn discovered(addresses: &[IpAddr]) -> Vec<Self> {
        let mut found = Vec::new();
        for address in addresses.iter().filter_map(v6) {
            let lengths =
                LENGTHS.into_iter().filter(|length| KNOWN.contains(&embedded(address, *length)));
            found.extend(lengths.map(|length| Self::new(address, length)));
        }
        found
    }
}

/// The IPv4 address after a prefix of this length, without the ninth byte (RFC 6052, section 2.2).
fn embedded(address: Ipv6Addr, length: u8) -> Ipv4Addr {
    let bytes = address.octets();
    let rest = bytes
        .iter()
        .enumerate()
        .skip(usize::from(length / 8))
        .filter(|(at, _)| *at != 8)
        .map(|(_, byte)| *byte);
    let mut found = [0; 4];
    for (slot, byte) in found.iter_mut().zip(rest) {
        *slot = byte;
    }
    Ipv4Addr::from(found)
}

fn v6(address: &IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) => Some(*address),
        IpAddr::V4(_) => None,
    }
}

/// True if an address of a host looks as if it was synthesized from another one in `all`, or from a
/// private one, with a prefix other than the well-known one.
pub(super) fn may_be_translated(address: IpAddr, all: &[IpAddr]) -> bool {
    // Most IPv6 addresses have a zero in some such place. No host is at 0.0.0.0/8 or 224.0.0.0/3.
    let is_private = |v4: Ipv4Addr| (1..224).contains(&v4.octets()[0]) && !is_global(v4.into());
    v6(&address).filter(|address| WELL_KNOWN.within(*address).is_none()).is_some_and(|address| {
        let mut embedded = LENGTHS.iter().map(|length| embedded(address, *length));
        embedded.any(|v4| is_private(v4) || all.contains(&v4.into()))
    })
}

/// Separates the addresses of a host from those that the resolver synthesized. Each of the latter
/// is returned with the IPv4 address in it.
pub(super) fn untranslated(
    addresses: &[IpAddr],
    prefixes: &[Prefix],
) -> (Vec<IpAddr>, Vec<(IpAddr, IpAddr)>) {
    let prefixes = || prefixes.iter().chain([&WELL_KNOWN]);
    let within = |address: &IpAddr| {
        prefixes().find_map(|prefix| prefix.within(v6(address)?)).map(IpAddr::from)
    };
    let synthesized: Vec<(IpAddr, IpAddr)> =
        addresses.iter().filter_map(|address| Some((within(address)?, *address))).collect();
    let mut own: Vec<IpAddr> =
        addresses.iter().filter(|address| within(address).is_none()).copied().collect();
    // They include the IPv4 addresses, in case the lookup of those failed.
    for (address, _) in &synthesized {
        if !own.contains(address) {
            own.insert(0, *address);
        }
    }
    (own, synthesized)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(addresses: &[&str]) -> Vec<IpAddr> {
        addresses.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// RFC 6052, section 2.4.
    #[test]
    fn the_embedded_address_is_found_for_every_prefix_length() {
        for (text, length) in [
            ("2001:db8:c000:221::", 32),
            ("2001:db8:1c0:2:21::", 40),
            ("2001:db8:122:c000:2:2100::", 48),
            ("2001:db8:122:3c0:0:221::", 56),
            ("2001:db8:122:344:c0:2:2100::", 64),
            ("2001:db8:122:344::192.0.2.33", 96),
        ] {
            assert_eq!(
                embedded(text.parse().unwrap(), length),
                Ipv4Addr::new(192, 0, 2, 33),
                "{text}"
            );
        }
    }

    #[test]
    fn synthesized_addresses_are_removed() {
        let own = addresses(&["8.8.8.8", "64:ff9b::8.8.8.8"]);
        let (kept, made) = untranslated(&own, &[]);
        assert_eq!((kept, made), (addresses(&["8.8.8.8"]), vec![(own[0], own[1])]));
        // If the lookup of the IPv4 addresses failed.
        assert_eq!(untranslated(&own[1..], &[]).0, addresses(&["8.8.8.8"]));
        // A server's own address that was chosen to look like a synthesized one.
        let vanity = addresses(&["8.8.8.8", "2600:9000::8.8.8.8"]);
        assert!(may_be_translated(vanity[1], &vanity) && !may_be_translated(own[1], &own));
        assert_eq!(untranslated(&vanity, &[]).0, vanity);
        let prefixes =
            Prefix::discovered(&addresses(&["2600:9000::192.0.0.170", "2600:9000::192.0.0.171"]));
        assert_eq!(untranslated(&vanity, &prefixes).0, addresses(&["8.8.8.8"]));
        assert_eq!(Prefix::discovered(&addresses(&["192.0.0.170", "2600::1"])), []);
    }
}
