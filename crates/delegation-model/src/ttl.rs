//! Times to live.

use std::fmt;

/// Seconds for which a resolver may cache a record set: 0 to 2147483647 (RFC 2181, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

impl Ttl {
    pub const MAX: Ttl = Ttl(2_147_483_647);
    /// Two days, which top-level domains use for delegations; the default of `TTL`.
    pub const DELEGATION: Ttl = Ttl(172_800);
    /// An hour, so that a key can be rolled over in hours; the default of `DsTTL`.
    pub const DS: Ttl = Ttl(3600);
    /// The TTL of the ownership record. It is short, because only people and this function read it.
    pub const OWNERSHIP: Ttl = Ttl(300);

    /// Creates a TTL of `seconds`; `None` outside 0 to 2147483647.
    pub fn new(seconds: i64) -> Option<Ttl> {
        u32::try_from(seconds).ok().map(Ttl).filter(|ttl| *ttl <= Self::MAX)
    }

    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert_eq!(Ttl::new(0).map(Ttl::seconds), Some(0));
        assert_eq!(Ttl::new(2_147_483_647), Some(Ttl::MAX));
        assert_eq!(Ttl::new(2_147_483_648), None);
        assert_eq!(Ttl::new(-1), None);
    }
}
