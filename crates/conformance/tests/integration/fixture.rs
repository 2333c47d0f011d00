//! What the tests share: probes by their ids, and an environment in two accounts whose journal is
//! on no disk.

use std::sync::Arc;

use conformance::backend::{Backend, Side};
use conformance::context::{Account, Environment};
use conformance::journal::{Journal, RunIdentity};
use conformance::local::Local;
use conformance::probe::Probe;
use conformance::probes;

pub(crate) fn probe(id: &str) -> Probe {
    probes::all().into_iter().find(|probe| probe.id == id).unwrap()
}

/// The accounts of the local AWS: that of the parent zone and the other one.
pub(crate) async fn accounts(local: &Local) -> [Account; 2] {
    let [parent, child] = [Side::Parent, Side::Child].map(|side| local.config(side));
    [Account::load(parent).await.unwrap(), Account::load(child).await.unwrap()]
}

pub(crate) async fn environment(
    [parent, child]: [Account; 2],
    backend: Arc<dyn Backend>,
) -> Arc<Environment> {
    let run = RunIdentity::local(&parent, &child);
    Environment::set_up(parent, child, &run, backend, Arc::new(Journal::in_memory())).await.unwrap()
}
