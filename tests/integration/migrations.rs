//! Migrations to and from `Custom::Delegation`, as `docs/migrating.md` tells them: the templates of
//! `examples/migrations/` deployed one after the other on the local AWS, with the real function and
//! with models of the old tools.
//!
//! A migration is a list of steps, and an end that the old tool and a Delete must come to. Each is
//! played whole, and then with each of its steps left out, which must not come to that end: a step
//! that can be left out is none.

mod back;
mod by_hand;
mod cdk;
mod copilot;
mod fixture;
mod record_sets;
mod terraform;
mod tools;

use futures::future::BoxFuture;

use fixture::Fixture;

/// What went wrong, for a person.
type Played = Result<(), String>;

/// A step, which tells what went wrong in it.
type Step<M> = for<'a> fn(&'a M) -> BoxFuture<'a, Played>;

/// A migration in its beginning.
trait Migration: Sized + Sync {
    /// The situation before the first step.
    fn begin() -> impl Future<Output = Self>;

    /// The steps of the page, by name.
    fn steps() -> Vec<(&'static str, Step<Self>)>;

    /// What must hold after them, whatever the old tool does from now on.
    fn end(&self) -> impl Future<Output = Played>;

    /// The zones and the function.
    fn fixture(&self) -> &Fixture;
}

/// Plays the migration, but for the step that is left out.
async fn play<M: Migration>(left_out: Option<&str>) -> Played {
    let migration = M::begin().await;
    migration.fixture().check_the_delegation("before the first step")?;
    for (name, step) in M::steps() {
        if left_out != Some(name) {
            step(&migration).await.map_err(|problem| format!("{name}: {problem}"))?;
            migration.fixture().check_the_delegation(name)?;
        }
    }
    migration.end().await.map_err(|problem| format!("at the end: {problem}"))?;
    migration.fixture().check_it_always_stood()
}

/// The migration works, and each of its steps is needed. Tells what leaving one out comes to.
async fn check<M: Migration>() -> Vec<(&'static str, String)> {
    assert_eq!(play::<M>(None).await, Ok(()));
    let mut harms = Vec::new();
    for (name, _) in M::steps() {
        match play::<M>(Some(name)).await {
            Ok(()) => panic!("without {name:?} it comes to the same end"),
            Err(harm) => harms.push((name, harm)),
        }
    }
    harms
}

/// The harm of leaving a step out is the one that the page warns of.
#[track_caller]
fn assert_harm(harms: &[(&str, String)], step: &str, words: &str) {
    let (_, harm) = harms.iter().find(|(name, _)| *name == step).unwrap();
    assert!(harm.contains(words), "without {step:?}: {harm}");
}
