//! The fixture: two accounts, the function, and a child zone that is delegated.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::template::Template;
use sandbox::{
    CloudFormation, Function, LambdaProcess, RecordSet, StackOutcome, SyncRule, TemplateStack,
    ZoneHandle,
};
use serde_json::Value;
use test_support::{CHILD_ACCOUNT, Environment, NAME, RECORD, plain};

use crate::migrations::Outcome;
use crate::program::bootstrap;

const TOKEN: &str = "arn:aws:lambda:us-east-1:222222222222:function:delegation";

/// An [`Environment`] with a `bootstrap` that stacks from templates use, and a child zone whose
/// delegation must exist throughout.
pub(crate) struct MigrationFixture {
    environment: Environment,
    function: Arc<LambdaProcess>,
    pub(crate) region: CloudFormation,
    /// The zone that is delegated, once it is known.
    child: Mutex<Option<ZoneHandle>>,
}

impl Deref for MigrationFixture {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

impl MigrationFixture {
    /// Starts without a child zone: the old tool creates it.
    pub(crate) async fn new() -> Self {
        let environment = Environment::builder()
            .parent_zone_id("Z0PARENTEXAMPLE")
            .without_records()
            .parent_role("route53-delegation-parent", Some("route53-delegation-example"))
            .behind_sockets()
            .await;
        // Other tests cover the wait for Route 53.
        environment.aws.sync_after(SyncRule::Immediately);
        let mut env = environment.variables(&environment.function_role.credentials());
        env.extend(environment.dns_variables());
        let function = Arc::new(LambdaProcess::spawn(bootstrap(env)).await.unwrap());
        let region = CloudFormation::new(&environment.aws, &environment.bucket, None, &[]);
        region.register_function(TOKEN, Arc::clone(&function) as Arc<dyn Function>);
        region.export(CHILD_ACCOUNT, "route53-delegation-ServiceToken", TOKEN);
        Self { environment, function, region, child: Mutex::default() }
    }

    /// Starts with a child zone that somebody delegated by hand, with this TTL.
    pub(crate) async fn with_delegation(ttl: u32) -> Self {
        let fixture = Self::new().await;
        let child = fixture.child_account.hosted_zone(NAME);
        fixture.parent.put(RecordSet::new(NAME, "NS", ttl, child.name_servers()));
        fixture.delegates_to(&child);
        fixture
    }

    /// Sets the zone whose delegation must exist from now on.
    pub(crate) fn delegates_to(&self, child: &ZoneHandle) {
        *self.child.lock().unwrap() = Some(child.clone());
        self.watch_the_delegation();
    }

    pub(crate) fn child(&self) -> ZoneHandle {
        self.child.lock().unwrap().clone().unwrap()
    }

    /// Returns the name servers of the child zone as the value of a template parameter.
    pub(crate) fn servers(&self) -> String {
        self.child().name_servers().join(",")
    }

    pub(crate) fn ttl(&self) -> Option<u32> {
        self.parent.record(NAME, "NS").and_then(|set| set.ttl)
    }

    /// Returns the number of claims in the ownership record.
    pub(crate) fn claim_count(&self) -> usize {
        self.claims().iter().filter(|value| value.contains(",claim=")).count()
    }

    pub(crate) fn remove_the_ownership_record(&self) {
        assert!(self.parent.remove(RECORD, "TXT"));
    }

    /// Checks that the delegation exists, and leads to the child zone.
    pub(crate) fn check_the_delegation(&self, when: &str) -> Outcome {
        let (found, wanted) = (self.delegated_to(), plain(&self.child().name_servers()));
        if found == wanted {
            Ok(())
        } else {
            Err(format!("the live delegation is gone: {when}: {found:?}"))
        }
    }

    /// Checks that the delegation existed throughout, also between two calls.
    pub(crate) fn check_it_always_existed(&self) -> Outcome {
        // The last Delete of our own resource is meant to remove it.
        let gaps = self.gaps();
        if gaps.len() <= 1 {
            Ok(())
        } else {
            Err(format!("the live delegation was gone after {gaps:?}"))
        }
    }

    /// Checks that the Delete of our own resource leaves no delegation and no claim.
    pub(crate) async fn check_that_a_delete_removes_it(&self, stack: &TemplateStack) -> Outcome {
        self.let_time_pass();
        complete(stack, stack.delete().await)?;
        match (self.delegated_to().is_empty(), self.claim_count()) {
            (true, 0) => Ok(()),
            (gone, claims) => {
                let answer = self
                    .function
                    .logs()
                    .into_iter()
                    .rfind(|line| line.contains("\"WARN\""))
                    .unwrap_or_default();
                Err(format!(
                    "a Delete leaves something behind: delegation {}, {claims} claims: {answer}",
                    !gone
                ))
            }
        }
    }

    /// Advances the clock. The dates in response URLs have a resolution of a second, and real
    /// deployments are further apart.
    fn let_time_pass(&self) {
        self.bucket.clock().advance(Duration::from_secs(2));
    }

    /// Deploys a template of `examples/migrations/`.
    pub(crate) async fn deploy(
        &self,
        stack: &TemplateStack,
        file: &str,
        parameters: &[(&str, &str)],
    ) -> Outcome {
        self.let_time_pass();
        complete(stack, stack.deploy(&template(file), parameters).await)
    }
}

/// Reads a template of `examples/migrations/`.
pub(crate) fn template(file: &str) -> Value {
    Template::source(&format!("examples/migrations/{file}.yaml"))
}

/// Checks that the operation completed.
pub(crate) fn complete(stack: &TemplateStack, outcome: StackOutcome) -> Outcome {
    match outcome {
        StackOutcome::Complete => Ok(()),
        other => Err(format!("{other:?}: {:?}", stack.events())),
    }
}
