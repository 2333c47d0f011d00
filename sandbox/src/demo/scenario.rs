//! The scenario of the demo: the events, their order, and what each of them must do.

use super::setup::NAME;

pub(super) struct DemoStep {
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) acts: Vec<Act>,
}

/// What happens in a step.
pub(super) enum Act {
    /// CloudFormation sends an event.
    Send(DemoEvent),
    /// The owners of both zones start signing.
    SignZones,
    /// The host in the child zone is resolved, from the root down.
    Follow,
}

/// An event, and what is expected of it.
pub(super) struct DemoEvent {
    /// The file in the folder of the events.
    pub(super) file: &'static str,
    pub(super) expected: Expectation,
}

pub(super) struct Expectation {
    pub(super) answer: ExpectedAnswer,
    pub(super) zone: ExpectedZone,
}

/// The answer that CloudFormation must receive.
pub(super) enum ExpectedAnswer {
    /// SUCCESS with this `Action`, if it has one.
    Success(Option<&'static str>),
    /// FAILED with a reason that contains these words, and an unresolved id.
    Refused(&'static [&'static str]),
}

/// The state of the parent zone after the event.
pub(super) enum ExpectedZone {
    /// The same as before the event.
    Unchanged,
    /// There is a delegation with this TTL and without DS, claimed by these resources of the stack,
    /// and nothing else has changed.
    Delegated(u32, &'static [&'static str]),
    /// Like `Delegated`, with the DS record set for the child zone's keys.
    Secured(u32, &'static [&'static str]),
    /// The same as before the first event.
    Restored,
}

fn send(file: &'static str, answer: ExpectedAnswer, zone: ExpectedZone) -> Act {
    Act::Send(DemoEvent { file, expected: Expectation { answer, zone } })
}

pub(super) fn steps() -> Vec<DemoStep> {
    use ExpectedAnswer::{Refused, Success};
    use ExpectedZone::{Delegated, Restored, Secured, Unchanged};
    vec![
        DemoStep {
            title: "Create: the delegation is created",
            why: "A stack in the child account declares Custom::Delegation. The function reads the child zone's name servers and \
                  creates the NS record set in the parent zone, which is in another account, and an ownership record next to it. It waits \
                  until Route 53 reports the change INSYNC, and queries the name servers of both zones before and after (Verification).",
            acts: vec![send(
                "create.json",
                Success(Some("CREATED")),
                Delegated(300, &["testing-dns/Delegation"]),
            )],
        },
        DemoStep {
            title: "Update: another TTL",
            why: "The template now has TTL 3600. The record sets are replaced in one atomic batch, which Route 53 only accepts \
                  if they are still as they were read.",
            acts: vec![send(
                "update.json",
                Success(Some("UPDATED")),
                Delegated(3600, &["testing-dns/Delegation"]),
            )],
        },
        DemoStep {
            title: "Rename: the logical id changes, and the delegation exists throughout",
            why: "The resource is now called TestingDelegation in the template. CloudFormation creates the new resource and then \
                  deletes the old one. The delegation exists as long as one of them claims it.",
            acts: vec![
                send(
                    "create-renamed.json",
                    Success(Some("SHARED")),
                    Delegated(3600, &["testing-dns/Delegation", "testing-dns/TestingDelegation"]),
                ),
                send(
                    "delete.json",
                    Success(None),
                    Delegated(3600, &["testing-dns/TestingDelegation"]),
                ),
            ],
        },
        DemoStep {
            title: "Refused: somebody else's delegation is not changed",
            why: "Another stack wants shop.example.com, which somebody delegated by hand. The Create fails with a clear message, and \
                  the Delete of its rollback has nothing to remove.",
            acts: vec![
                send(
                    "create-refused.json",
                    Refused(&["shop.example.com", "ns1.webshop.example.net", "AllowOverwrite"]),
                    Unchanged,
                ),
                send("delete-refused.json", Success(None), Unchanged),
            ],
        },
        DemoStep {
            title: "Delete: the delegation is removed with its last owner",
            why: "The stack is deleted. No other resource claims the delegation, so it is removed, and the parent zone is as it \
                  was before the first event.",
            acts: vec![send("delete-renamed.json", Success(None), Restored)],
        },
        DemoStep {
            title: "DNSSEC: the delegation is created with its DS record set",
            why: "Both zones are now signed, and the stack is deployed again with Dnssec true and Verification REQUIRE. The DS \
                  record set is created in the same batch as the NS record set, after its digest was compared with the keys that the \
                  child zone's name servers serve.",
            acts: vec![
                Act::SignZones,
                send(
                    "create-signed.json",
                    Success(Some("CREATED")),
                    Secured(300, &["testing-dns/Delegation"]),
                ),
            ],
        },
        DemoStep {
            title: "The child zone resolves, from the root down",
            why: "Like dig +trace: starting at the root, each zone's server is queried over the network and refers to the next \
                  zone. Each zone's keys are compared with the DS records above it, starting with the trust anchor.",
            acts: vec![Act::Follow],
        },
    ]
}

pub(super) fn physical_id(zone: &str) -> String {
    format!("{zone}/{NAME}")
}
