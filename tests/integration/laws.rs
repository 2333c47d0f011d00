//! What the contract says of the zone before and after a batch; races and histories judge every batch by it.

pub(crate) mod claims;
pub(crate) mod secure;
