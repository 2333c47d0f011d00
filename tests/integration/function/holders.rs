//! Who holds a delegation: the sequences of events behind the rules OWN, ARRIVE, UPDATE and LEAVE
//! of the design. An earlier version of the rules broke a promise in each of them.

mod existing;
mod failed_arrivals;
mod known_limitations;
mod ownership_record;
mod several_holders;
mod take_over;
mod updates;

use sandbox::ZoneHandle;

/// Signs the zone with a key.
fn signed(zone: &ZoneHandle) {
    zone.create_key("one");
    zone.start_signing();
}
