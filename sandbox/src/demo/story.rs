//! The story: which events, in which order, and what each must do.

use super::stage::NAME;

/// A chapter.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) acts: Vec<Act>,
}

/// What happens in a chapter.
pub(super) enum Act {
    /// CloudFormation sends an event.
    Send(Request),
    /// The owners of both zones switch signing on.
    SignZones,
    /// The host in the child zone is looked for, from the root down.
    Follow,
}

/// An event and what is expected of it.
pub(super) struct Request {
    /// In the folder of the events.
    pub(super) file: &'static str,
    pub(super) expected: Expected,
}

pub(super) struct Expected {
    pub(super) answer: Answer,
    pub(super) zone: Zone,
}

/// What CloudFormation must get.
pub(super) enum Answer {
    /// SUCCESS with this `Action`, if it has one.
    Success(Option<&'static str>),
    /// FAILED with a reason that has these words, and a marker for a physical id.
    Refused(&'static [&'static str]),
}

/// How the parent zone must be afterwards.
pub(super) enum Zone {
    /// As before the event.
    Unchanged,
    /// The delegation stands with that TTL and without DS, claimed by these resources of the stack,
    /// and nothing else changed.
    Delegated(u32, &'static [&'static str]),
    /// The same, with the DS record set of the child zone's keys.
    Secured(u32, &'static [&'static str]),
    /// As before the first event.
    AsAtFirst,
}

fn send(file: &'static str, answer: Answer, zone: Zone) -> Act {
    Act::Send(Request { file, expected: Expected { answer, zone } })
}

pub(super) fn steps() -> Vec<Step> {
    use Answer::{Refused, Success};
    use Zone::{AsAtFirst, Delegated, Secured, Unchanged};
    vec![
        Step {
            title: "Create: the delegation is made",
            why: "A stack of the child account declares Custom::Delegation. The function reads the child zone's name servers and \
                  creates the NS record set in the parent zone of the other account, with an ownership record beside it. It waits \
                  until Route 53 reports the change INSYNC, and asks the name servers of both zones before and after (Verification).",
            acts: vec![send(
                "create.json",
                Success(Some("CREATED")),
                Delegated(300, &["testing-dns/Delegation"]),
            )],
        },
        Step {
            title: "Update: another TTL",
            why: "The template now says TTL 3600. The record sets are replaced in one atomic batch that Route 53 accepts only \
                  while they are as they were read.",
            acts: vec![send(
                "update.json",
                Success(Some("UPDATED")),
                Delegated(3600, &["testing-dns/Delegation"]),
            )],
        },
        Step {
            title: "Rename: the logical id changes, the delegation stands throughout",
            why: "The resource is called TestingDelegation in the template from now on. CloudFormation creates the new one and then \
                  deletes the old one; the delegation lives as long as one of them claims it.",
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
        Step {
            title: "Refused: somebody else's delegation is not touched",
            why: "Another stack wants shop.example.com, which somebody delegated by hand. The Create fails with a clear sentence, and \
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
        Step {
            title: "Delete: the last owner takes the delegation with it",
            why: "The stack is deleted. No other resource claims the delegation any more, so it goes, and the parent zone is as it \
                  was before the first event.",
            acts: vec![send("delete-renamed.json", Success(None), AsAtFirst)],
        },
        Step {
            title: "DNSSEC: the delegation is made with its DS record set",
            why: "Both zones are signed from now on, and the stack is deployed anew with Dnssec true and Verification REQUIRE: the DS \
                  record set comes in the same batch as the NS record set, after the digest was compared with the keys that the \
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
        Step {
            title: "The world finds the child zone, from the root down",
            why: "As dig +trace does it: beginning at the root, each zone's server is asked over the network and refers to the next \
                  zone. Each zone's keys are compared with the DS records above, beginning with the trust anchor.",
            acts: vec![Act::Follow],
        },
    ]
}

/// The physical id of the delegation.
pub(super) fn physical_id(zone: &str) -> String {
    format!("{zone}/{NAME}")
}
