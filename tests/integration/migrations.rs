//! Migrations to and from `Custom::Delegation`, as `docs/migrating.md` describes them: the
//! templates of `examples/migrations/`, deployed one after the other on the local AWS, with the
//! real function and with models of the old tools.
//!
//! A migration is a list of steps, and a state that the old tool and a Delete must lead to at the
//! end. Each migration is run with all of its steps, and then without each of them, which must not
//! lead to that state: a step that can be left out is not needed.

mod back;
mod by_hand;
mod cdk;
mod copilot;
mod fixture;
mod record_sets;
mod terraform;
mod tools;

use futures::future::BoxFuture;

use fixture::MigrationFixture;

/// The result of a step or a check; the error says what is wrong.
type Outcome = Result<(), String>;

/// A step of a migration.
type Step<M> = for<'a> fn(&'a M) -> BoxFuture<'a, Outcome>;

/// A migration before its first step.
trait Migration: Sized + Sync {
    /// Prepares the situation before the first step.
    fn begin() -> impl Future<Output = Self>;

    /// Returns the steps of the page, by name.
    fn steps() -> Vec<(&'static str, Step<Self>)>;

    /// Checks what must be true after the last step, whatever the old tool does from then on.
    fn end(&self) -> impl Future<Output = Outcome>;

    /// Returns the zones and the function.
    fn fixture(&self) -> &MigrationFixture;
}

/// Runs the migration without the step that is left out.
async fn run<M: Migration>(left_out: Option<&str>) -> Outcome {
    let migration = M::begin().await;
    migration.fixture().check_the_delegation("before the first step")?;
    for (name, step) in M::steps() {
        if left_out != Some(name) {
            step(&migration).await.map_err(|problem| format!("{name}: {problem}"))?;
            migration.fixture().check_the_delegation(name)?;
        }
    }
    migration.end().await.map_err(|problem| format!("at the end: {problem}"))?;
    migration.fixture().check_it_always_existed()
}

/// Checks that the migration works, and that each of its steps is needed. Returns the problem that
/// each missing step leads to.
async fn check<M: Migration>() -> Vec<(&'static str, String)> {
    assert_eq!(run::<M>(None).await, Ok(()));
    let mut harms = Vec::new();
    for (name, _) in M::steps() {
        match run::<M>(Some(name)).await {
            Ok(()) => panic!("without the step {name:?}, the migration succeeds as well"),
            Err(harm) => harms.push((name, harm)),
        }
    }
    harms
}

/// Asserts that leaving the step out does the harm that the page warns of.
#[track_caller]
fn assert_harm(harms: &[(&str, String)], step: &str, words: &str) {
    let (_, harm) = harms.iter().find(|(name, _)| *name == step).unwrap();
    assert!(harm.contains(words), "without the step {step:?}: {harm}");
}
