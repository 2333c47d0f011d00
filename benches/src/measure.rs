//! Measures a program: one process, with a cold Create and the requests that follow.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::fixture::{Fixture, RequestType};
use crate::peers::Program;
use crate::process::Process;

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

/// The samples of each figure, in milliseconds, bytes or counts.
pub(crate) type Samples = BTreeMap<Figure, Vec<f64>>;

fn add(samples: &mut Samples, figure: Figure, value: f64) {
    samples.entry(figure).or_default().push(value);
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The result of an invocation.
pub(crate) struct Invoked {
    pub(crate) took: Duration,
    pub(crate) cpu: Duration,
    pub(crate) physical_id: String,
    /// The number of HTTP calls, the answer included.
    pub(crate) calls: usize,
    /// The number of TLS connections that were opened.
    pub(crate) connections: u64,
}

/// The number of times that a warm process gets an Update, a Delete and a Create.
const ROUNDS: usize = 3;

/// Measures one process near AWS: all figures except the round trips.
pub(crate) async fn near(
    fixture: &Fixture,
    program: &Program,
    samples: &mut Samples,
) -> Result<(), String> {
    fixture.latency.set(Duration::ZERO);
    let mut process = Process::start(&program.start_in(fixture)).await?;
    add(samples, Figure::Ready, milliseconds(process.ready));
    add(samples, Figure::ReadyCpu, milliseconds(process.ready_cpu));
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    add(samples, Figure::Package, program.package as f64);
    if program.dialect.is_some() {
        let cold = invoke(fixture, program, &mut process, RequestType::Create, None).await?;
        #[expect(clippy::cast_precision_loss, reason = "some connections")]
        add(samples, Figure::Connections, cold.connections as f64);
        add(samples, Figure::ColdCreate, milliseconds(process.ready + cold.took));
        add(samples, Figure::ColdCreateCpu, milliseconds(process.ready_cpu + cold.cpu));
        count(samples, Figure::ColdCreateCalls, cold.calls);
        let mut id = cold.physical_id;
        for round in 0..ROUNDS {
            let update =
                invoke(fixture, program, &mut process, RequestType::Update, Some(&id)).await?;
            add(samples, Figure::WarmUpdate, milliseconds(update.took));
            add(samples, Figure::WarmUpdateCpu, milliseconds(update.cpu));
            count(samples, Figure::UpdateCalls, update.calls);
            let delete =
                invoke(fixture, program, &mut process, RequestType::Delete, Some(&id)).await?;
            add(samples, Figure::WarmDelete, milliseconds(delete.took));
            add(samples, Figure::WarmDeleteCpu, milliseconds(delete.cpu));
            count(samples, Figure::DeleteCalls, delete.calls);
            if round + 1 < ROUNDS {
                let create =
                    invoke(fixture, program, &mut process, RequestType::Create, None).await?;
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

/// Measures one process far from AWS: its serial round trips.
pub(crate) async fn far(
    fixture: &Fixture,
    program: &Program,
    latency: Duration,
    samples: &mut Samples,
) -> Result<(), String> {
    if program.dialect.is_none() {
        return Ok(());
    }
    fixture.latency.set(latency);
    let mut process = Process::start(&program.start_in(fixture)).await?;
    let trips = |took: Duration| took.as_secs_f64() / latency.as_secs_f64();
    let [cold, create, update, delete] = cold_and_warm(fixture, program, &mut process).await?;
    add(samples, Figure::ColdCreateTrips, trips(cold.took));
    add(samples, Figure::FarColdCreate, milliseconds(process.ready + cold.took));
    add(samples, Figure::WarmCreateTrips, trips(create.took));
    add(samples, Figure::WarmUpdateTrips, trips(update.took));
    add(samples, Figure::FarWarmUpdate, milliseconds(update.took));
    add(samples, Figure::WarmDeleteTrips, trips(delete.took));
    process.end().await;
    fixture.latency.set(Duration::ZERO);
    Ok(())
}

/// Runs a process near AWS. Returns a cold Create, a warm Create, a warm Update and a warm Delete.
pub(crate) async fn requests(fixture: &Fixture, program: &Program) -> Result<[Invoked; 4], String> {
    fixture.latency.set(Duration::ZERO);
    let mut process = Process::start(&program.start_in(fixture)).await?;
    let requests = cold_and_warm(fixture, program, &mut process).await?;
    process.end().await;
    Ok(requests)
}

/// Sends two requests of each kind. Returns the cold Create, and the second ones. A process is warm
/// once it has served one request of each kind.
async fn cold_and_warm(
    fixture: &Fixture,
    program: &Program,
    process: &mut Process,
) -> Result<[Invoked; 4], String> {
    let cold = invoke(fixture, program, process, RequestType::Create, None).await?;
    invoke(fixture, program, process, RequestType::Update, Some(&cold.physical_id)).await?;
    invoke(fixture, program, process, RequestType::Delete, Some(&cold.physical_id)).await?;
    let create = invoke(fixture, program, process, RequestType::Create, None).await?;
    let update =
        invoke(fixture, program, process, RequestType::Update, Some(&create.physical_id)).await?;
    let delete =
        invoke(fixture, program, process, RequestType::Delete, Some(&create.physical_id)).await?;
    Ok([cold, create, update, delete])
}

#[expect(clippy::cast_precision_loss, reason = "some calls")]
fn count(samples: &mut Samples, figure: Figure, calls: usize) {
    add(samples, figure, calls as f64);
}

/// Runs an invocation, and checks its answer and its effect.
async fn invoke(
    fixture: &Fixture,
    program: &Program,
    process: &mut Process,
    kind: RequestType,
    physical_id: Option<&str>,
) -> Result<Invoked, String> {
    let dialect = program.dialect.ok_or("the program has no work")?;
    let (event, request_id) = fixture.event(dialect, kind, physical_id);
    let invoked = deliver(fixture, process, &event, &request_id).await?;
    fixture.check(kind)?;
    Ok(invoked)
}

/// Runs an invocation with this event, and checks its answer.
pub(crate) async fn deliver(
    fixture: &Fixture,
    process: &mut Process,
    event: &Value,
    request_id: &str,
) -> Result<Invoked, String> {
    fixture.clear_calls();
    let (before, connections) = (process.cpu()?, fixture.connections());
    let took = process.invoke(event).await?;
    let cpu = process.cpu()?.saturating_sub(before);
    let (physical_id, answers) = fixture.answer(request_id)?;
    let calls = fixture.aws.calls().len() + answers;
    let connections = fixture.connections() - connections;
    Ok(Invoked { took, cpu, physical_id, calls, connections })
}
