//! DS records, keys and signatures, which are the sandbox's and real.

use dns_check::Wanted;
use sandbox::RecordSet;

use crate::world::{CHILD, NONE, PATIENCE, World};

fn put_ds(world: &World, values: &[String]) {
    world.parent.put(RecordSet::new(CHILD, "DS", 300, values.iter().cloned()));
}

#[tokio::test]
async fn a_signed_delegation() {
    let world = World::delegated().await;
    let ds = world.child.create_key("one").ds_record();
    let wanted = world.signed(std::slice::from_ref(&ds));
    let finding = world.before(&wanted, NONE).await;
    let unsigned =
        finding.problems().iter().all(|problem| problem.to_string().contains("does not serve the key of the DS"));
    assert!(unsigned && finding.problems().len() == 4, "{finding}");

    world.child.start_signing();
    let finding = world.before(&wanted, PATIENCE).await;
    assert_eq!(
        finding.to_string(),
        "the 4 name servers answer for testing.example.com with the keys of its DS records"
    );
    let finding = world.after(&wanted, NONE).await;
    assert_eq!(finding.problems().len(), 4, "{finding}");
    assert!(finding.to_string().contains(" of the parent zone has no DS record set for the name"), "{finding}");

    put_ds(&world, &[ds]);
    let finding = world.after(&wanted, PATIENCE).await;
    assert_eq!(
        finding.to_string(),
        "the 4 name servers answer for testing.example.com with the keys of its DS records, and the 4 servers of example.com \
         refer to them"
    );

    // The parent zone signs too: its answers come with signatures, and with the proof that there is no DS.
    world.parent.create_key("parent");
    world.parent.start_signing();
    assert!(world.after(&wanted, PATIENCE).await.is_good());
}

#[tokio::test]
async fn a_key_roll_over() {
    let world = World::delegated().await;
    let (old, new) = (world.child.create_key("old").ds_record(), world.child.create_key("new").ds_record());
    world.child.start_signing();
    let both = world.signed(&[old.clone(), new.clone()]);
    put_ds(&world, &[new.clone(), old.clone()]);
    let finding = world.after(&both, PATIENCE).await;
    assert!(finding.is_good(), "{finding}");

    assert!(world.child.set_key_status("old", "INACTIVE"));
    let finding = world.before(&both, NONE).await;
    assert_eq!(finding.problems().len(), 4, "one of the two keys is gone: {finding}");
    let finding = world.after(&world.signed(std::slice::from_ref(&new)), NONE).await;
    assert!(finding.to_string().contains(" of the parent zone has another DS record set for the name"), "{finding}");
    put_ds(&world, std::slice::from_ref(&new));
    let finding = world.after(&world.signed(&[new]), PATIENCE).await;
    assert!(finding.is_good(), "{finding}");
}

#[tokio::test]
async fn no_ds_record_set_where_none_is_wanted() {
    let world = World::delegated().await;
    world.parent.create_key("parent");
    world.parent.start_signing();
    let finding = world.after(&world.wanted(), PATIENCE).await;
    assert!(finding.is_good(), "{finding}");
    put_ds(&world, &[world.child.create_key("one").ds_record()]);
    let finding = world.after(&world.wanted(), NONE).await;
    assert!(finding.to_string().contains(" of the parent zone has another DS record set for the name"), "{finding}");
    let finding = world.after(&Wanted { check_ds: false, ..world.wanted() }, PATIENCE).await;
    assert!(finding.is_good(), "{finding}");
}
