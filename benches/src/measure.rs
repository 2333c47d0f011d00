//! What a program takes for the same work: one process, a cold Create and what follows.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::peers::Program;
use crate::process::Process;
use crate::world::{Kind, World};

/// A figure of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    Ready,
    ReadyCpu,
    ColdCreate,
    ColdCreateCpu,
    WarmCreate,
    WarmCreateCpu,
    WarmUpdate,
    WarmUpdateCpu,
    WarmDelete,
    WarmDeleteCpu,
    PeakMemory,
    Package,
    ColdCreateCalls,
    UpdateCalls,
    DeleteCalls,
    Connections,
    ColdCreateTrips,
    WarmCreateTrips,
    WarmUpdateTrips,
    WarmDeleteTrips,
    FarColdCreate,
    FarWarmUpdate,
}

/// Samples of each figure: milliseconds, bytes or counts.
pub(crate) type Samples = BTreeMap<Figure, Vec<f64>>;

fn add(samples: &mut Samples, figure: Figure, value: f64) {
    samples.entry(figure).or_default().push(value);
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// How one invocation went.
pub(crate) struct Invoked {
    pub(crate) took: Duration,
    pub(crate) cpu: Duration,
    pub(crate) physical_id: String,
    /// Calls of AWS, with the answer.
    pub(crate) calls: usize,
}

/// How often one process is asked for Update, Delete and Create again while it is warm.
const ROUNDS: usize = 3;

/// One process near AWS: every figure but the round trips.
pub(crate) async fn near(
    world: &World,
    program: &Program,
    samples: &mut Samples,
) -> Result<(), String> {
    world.latency.set(Duration::ZERO);
    let mut process = Process::start(&program.start_in(world)).await?;
    add(samples, Figure::Ready, milliseconds(process.ready));
    add(samples, Figure::ReadyCpu, milliseconds(process.ready_cpu));
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    add(samples, Figure::Package, program.package as f64);
    if program.dialect.is_some() {
        let connections = world.connections();
        let cold = invoke(world, program, &mut process, Kind::Create, None).await?;
        #[expect(clippy::cast_precision_loss, reason = "some connections")]
        add(samples, Figure::Connections, (world.connections() - connections) as f64);
        add(samples, Figure::ColdCreate, milliseconds(process.ready + cold.took));
        add(samples, Figure::ColdCreateCpu, milliseconds(process.ready_cpu + cold.cpu));
        count(samples, Figure::ColdCreateCalls, cold.calls);
        let mut id = cold.physical_id;
        for round in 0..ROUNDS {
            let update = invoke(world, program, &mut process, Kind::Update, Some(&id)).await?;
            add(samples, Figure::WarmUpdate, milliseconds(update.took));
            add(samples, Figure::WarmUpdateCpu, milliseconds(update.cpu));
            count(samples, Figure::UpdateCalls, update.calls);
            let delete = invoke(world, program, &mut process, Kind::Delete, Some(&id)).await?;
            add(samples, Figure::WarmDelete, milliseconds(delete.took));
            add(samples, Figure::WarmDeleteCpu, milliseconds(delete.cpu));
            count(samples, Figure::DeleteCalls, delete.calls);
            if round + 1 < ROUNDS {
                let create = invoke(world, program, &mut process, Kind::Create, None).await?;
                add(samples, Figure::WarmCreate, milliseconds(create.took));
                add(samples, Figure::WarmCreateCpu, milliseconds(create.cpu));
                id = create.physical_id;
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    add(samples, Figure::PeakMemory, process.peak_memory()? as f64);
    process.end().await;
    Ok(())
}

/// One process far from AWS: what is waited for, in round trips.
pub(crate) async fn far(
    world: &World,
    program: &Program,
    latency: Duration,
    samples: &mut Samples,
) -> Result<(), String> {
    if program.dialect.is_none() {
        return Ok(());
    }
    world.latency.set(latency);
    let mut process = Process::start(&program.start_in(world)).await?;
    let trips = |took: Duration| took.as_secs_f64() / latency.as_secs_f64();
    let cold = invoke(world, program, &mut process, Kind::Create, None).await?;
    add(samples, Figure::ColdCreateTrips, trips(cold.took));
    add(samples, Figure::FarColdCreate, milliseconds(process.ready + cold.took));
    // Warm is a process that has served one request of each kind.
    invoke(world, program, &mut process, Kind::Update, Some(&cold.physical_id)).await?;
    invoke(world, program, &mut process, Kind::Delete, Some(&cold.physical_id)).await?;
    let create = invoke(world, program, &mut process, Kind::Create, None).await?;
    add(samples, Figure::WarmCreateTrips, trips(create.took));
    let update =
        invoke(world, program, &mut process, Kind::Update, Some(&create.physical_id)).await?;
    add(samples, Figure::WarmUpdateTrips, trips(update.took));
    add(samples, Figure::FarWarmUpdate, milliseconds(update.took));
    let delete =
        invoke(world, program, &mut process, Kind::Delete, Some(&create.physical_id)).await?;
    add(samples, Figure::WarmDeleteTrips, trips(delete.took));
    process.end().await;
    world.latency.set(Duration::ZERO);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some calls")]
fn count(samples: &mut Samples, figure: Figure, calls: usize) {
    add(samples, figure, calls as f64);
}

/// One invocation, whose answer and effect are checked.
async fn invoke(
    world: &World,
    program: &Program,
    process: &mut Process,
    kind: Kind,
    physical_id: Option<&str>,
) -> Result<Invoked, String> {
    let dialect = program.dialect.ok_or("it has nothing to do")?;
    let (event, request_id) = world.event(dialect, kind, physical_id);
    let invoked = deliver(world, process, &event, &request_id).await?;
    world.check(kind)?;
    Ok(invoked)
}

/// One invocation with this event, whose answer is checked.
pub(crate) async fn deliver(
    world: &World,
    process: &mut Process,
    event: &Value,
    request_id: &str,
) -> Result<Invoked, String> {
    world.forget();
    let before = process.cpu()?;
    let took = process.invoke(event).await?;
    let cpu = process.cpu()?.saturating_sub(before);
    let (physical_id, answers) = world.answer(request_id)?;
    Ok(Invoked { took, cpu, physical_id, calls: world.aws.calls().len() + answers })
}
