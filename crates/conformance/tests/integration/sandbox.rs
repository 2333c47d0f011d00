//! The sandbox must agree with every probe.

use std::sync::Arc;

use conformance::cleanup::Cleaner;
use conformance::local::Local;
use conformance::probe::{Needs, Verdict};
use conformance::{probes, run};

use crate::fixture::{accounts, environment};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_agrees_with_every_probe() {
    let local = Arc::new(Local::start().await.unwrap());
    let env = environment(accounts(&local).await, local.clone()).await;
    let mut text = Vec::new();
    let results = run::run(&env, &probes::all(), &mut text).await.unwrap();
    let differing: Vec<_> =
        results.differences().map(|(probe, verdict)| (probe.id, verdict, probe.expected)).collect();
    assert!(differing.is_empty(), "{differing:#?}");
    for (probe, verdict) in &results.0 {
        let real = matches!(probe.needs, Needs::RealAws(_));
        assert_eq!(real, matches!(verdict, Verdict::NotApplicable(_)), "{}: {verdict:?}", probe.id);
    }

    let (parent, child) = (&env.parent, &env.child);
    let left =
        Cleaner { parent, child, backend: &*env.backend, journal: &env.journal }.clean().await;
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(local.stacks(), Vec::<String>::new());
    let zones = conformance::cleanup::zones(parent, &env.zone.name).await.unwrap();
    assert!(zones.is_empty(), "{zones:?}");
}
