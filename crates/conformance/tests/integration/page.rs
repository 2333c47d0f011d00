//! `docs/conformance.md` must have a row for each probe, and nothing else.

use std::collections::BTreeSet;

use conformance::page::Page;
use conformance::probe::{Basis, Probe, Verdict};
use conformance::probes;
use conformance::run::Results;

#[test]
fn the_page_matches_the_probes() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md");
    let text = std::fs::read_to_string(page).unwrap();
    assert!(
        Page::parse(&text).render(&probes::all()) == text,
        "the page is out of date; run `cargo run -p conformance -- page`"
    );
}

#[test]
fn every_probe_id_is_unique_and_its_slug_is_a_dns_label() {
    let all = probes::all();
    let ids: BTreeSet<&str> = all.iter().map(|probe| probe.id).collect();
    assert_eq!(ids.len(), all.len(), "two probes have the same id");
    for probe in all {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!probe.slug().is_empty() && probe.slug().len() <= 40, "{}", probe.id);
        assert!(probe.slug().chars().all(allowed), "{}", probe.id);
    }
}

#[test]
fn every_probe_names_its_source() {
    for probe in probes::all() {
        let has_page = !probe.source.contains("no page");
        assert!(
            has_page || probe.basis != Basis::Page,
            "{}: a probe with basis Page must name a page",
            probe.id
        );
        assert!(probe.fact.ends_with('.') && !probe.source.is_empty(), "{}", probe.id);
    }
}

/// The page of a run has its results, and keeps them when it is written again.
#[test]
fn an_observation_stays_until_something_else_is_expected() {
    let probes: Vec<Probe> = probes::all().into_iter().take(3).collect();
    let verdicts = [
        Verdict::Agrees,
        Verdict::Differs("404 | <none>".into()),
        Verdict::NotApplicable("the account has none".into()),
    ];
    let results = Results(probes.iter().copied().zip(verdicts).collect());
    let text = Page::new("2026-12-31", "eu-west-1", &results).render(&probes);
    assert!(
        text.contains(
            "**Against real AWS:** 2026-12-31, eu-west-1. 3 probes: 1 as expected, 1 differ"
        ),
        "{text}"
    );
    assert!(text.contains(" as expected |\n"), "{text}");
    assert!(text.contains(r"| **differs:** `404 \| <none>` |"), "{text}");
    assert!(text.contains("| does not apply: `the account has none` |"), "{text}");
    assert_eq!(Page::parse(&text).render(&probes), text);

    let mut changed = probes.clone();
    changed.first_mut().unwrap().expected = "something else";
    let text = Page::parse(&text).render(&changed);
    assert!(text.contains("| `something else` | not run yet |"), "{text}");
}
