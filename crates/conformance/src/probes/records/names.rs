//! The names of record sets.

use super::ADDRESS;
use crate::context::{create, set};
use crate::probe::Needs::Api;
use crate::probe::{Probe, probe};

const NAMES: &str = "Route 53 Developer Guide, \"DNS domain name format\"";
const NAMES_NO_WORDS: &str =
    "Route 53 Developer Guide, \"DNS domain name format\"; the words: no page";

pub(in crate::probes) const PROBES: &[Probe] = &[
    probe!(
        "route53/name-escapes",
        Page,
        Api,
        NAMES,
        "Names are listed in lower case with a trailing dot; characters other than a-z, 0-9, - and \
         _ are octal escapes.",
        r"\052.name-escapes.example.com. _c-d.name-escapes.example.com. a\100b.name-escapes.example.com.",
        |cx| {
            cx.change_or_fail(
                ["*", "A@b", "_C-D"].map(|label| create(set(&cx.name(label), "A", &[ADDRESS]))),
            )
            .await?;
            let lines = cx.listed().await?;
            Ok(lines.iter().filter_map(|line| line.split(' ').next()).collect::<Vec<_>>().join(" "))
        }
    ),
    probe!(
        "route53/name-escaped-is-the-same",
        Page,
        Api,
        NAMES,
        r"`*` and `\052` are the same name, and so are upper and lower case.",
        "refused; refused",
        |cx| {
            cx.change_or_fail(
                ["*", "a"].map(|label| create(set(&cx.name(label), "A", &[ADDRESS]))),
            )
            .await?;
            let mut observed = Vec::new();
            for label in [r"\052", "A"] {
                let answer = cx.change([create(set(&cx.name(label), "A", &[ADDRESS]))]).await;
                observed.push(if answer.ends_with("but it already exists]") {
                    "refused".to_owned()
                } else {
                    answer
                });
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "route53/name-empty-label",
        Wording,
        Api,
        NAMES_NO_WORDS,
        "A name with an empty label is refused.",
        "400 InvalidChangeBatch: [FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with \
         'a..name-empty-label.example.com']",
        |cx| Ok(cx.change([create(set(&cx.name("a."), "A", &[ADDRESS]))]).await)
    ),
    probe!(
        "route53/name-long-label",
        Wording,
        Api,
        NAMES_NO_WORDS,
        "A label may have at most 63 characters.",
        "accepted; 400 InvalidChangeBatch: [FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with \
         'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.name-long-label.example.com']",
        |cx| {
            let most = cx.change([create(set(&cx.name(&"a".repeat(63)), "A", &[ADDRESS]))]).await;
            Ok(format!(
                "{most}; {}",
                cx.change([create(set(&cx.name(&"a".repeat(64)), "A", &[ADDRESS]))]).await
            ))
        }
    ),
    probe!(
        "route53/name-too-long",
        Guess,
        Api,
        NAMES_NO_WORDS,
        "A name may have at most 255 characters, including its trailing dot.",
        "accepted; 400 InvalidChangeBatch: [FATAL problem: DomainNameTooLong (Domain name is too long)",
        |cx| {
            // Each label is followed by a dot.
            let name = |length: usize| {
                let mut left = length - (cx.domain().len() + 1);
                let mut labels = Vec::new();
                while left > 0 {
                    // At least one character must be left for the next label.
                    let own = if left == 65 { 62 } else { left.min(64) - 1 };
                    labels.push("a".repeat(own));
                    left -= own + 1;
                }
                cx.name(&labels.join("."))
            };
            let most = cx.change([create(set(&name(255), "A", &[ADDRESS]))]).await;
            let more = cx.change([create(set(&name(256), "A", &[ADDRESS]))]).await;
            Ok(format!("{most}; {}", more.split(" encountered").next().unwrap_or_default()))
        }
    ),
    probe!(
        "route53/name-with-a-space",
        Wording,
        Api,
        NAMES_NO_WORDS,
        "A space in a name must be escaped.",
        "400 InvalidChangeBatch: [FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with 'a \
         b.name-with-a-space.example.com']",
        |cx| Ok(cx.change([create(set(&cx.name("a b"), "A", &[ADDRESS]))]).await)
    ),
];
