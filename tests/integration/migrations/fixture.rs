//! The fixture: two accounts, the function, and a child zone that is delegated.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::template::Template;
use sandbox::{
    Clock, CloudFormation, Dns, Function, LambdaProcess, RecordSet, ResponseBucket, Sandbox,
    StackOutcome, SyncRule, TemplateStack, ZoneHandle,
};
use serde_json::Value;
use test_support::{NAME, RECORD, plain};

use crate::migrations::Outcome;
use crate::program::{bootstrap, variables};

pub(crate) const PARENT_ACCOUNT: &str = "111111111111";
pub(crate) const ACCOUNT: &str = "222222222222";
const TOKEN: &str = "arn:aws:lambda:us-east-1:222222222222:function:delegation";

pub(crate) struct Fixture {
    pub(crate) aws: Sandbox,
    _dns: Dns,
    function: Arc<LambdaProcess>,
    pub(crate) region: CloudFormation,
    pub(crate) parent: ZoneHandle,
    /// The zone that is delegated, once it is known.
    child: Mutex<Option<ZoneHandle>>,
    gaps: Arc<Mutex<Vec<String>>>,
    clock: Clock,
}

impl Fixture {
    /// Starts without a child zone: the old tool creates it.
    pub(crate) async fn new() -> Self {
        let aws = Sandbox::start().await.unwrap();
        // Other tests cover the wait for Route 53.
        aws.sync_after(SyncRule::Immediately);
        let bucket = ResponseBucket::start().await.unwrap();
        let (parent_account, account) = (aws.account(PARENT_ACCOUNT), aws.account(ACCOUNT));
        let parent = parent_account.hosted_zone_with_id("Z0PARENTEXAMPLE", "example.com");
        let role = parent_account.role("route53-delegation-parent").allow_all_route53();
        let role = role.trust_account(ACCOUNT, Some("route53-delegation-example"));
        let function_role = account.role("function").allow_all_route53().allow_assume(&role.arn());
        let dns = aws.dns().await.unwrap();
        let mut env = aws.env(&function_role.credentials());
        env.extend(variables([
            ("DELEGATION_RESPONSE_HOSTS", &bucket.host()),
            ("DELEGATION_PROPAGATION_WAIT", "0"),
            ("DELEGATION_DNS_RESOLVER", &dns.resolver().to_string()),
            ("DELEGATION_DNS_ANY_ADDRESS", "true"),
        ]));
        let function = Arc::new(LambdaProcess::spawn(bootstrap(env)).await.unwrap());
        let clock = bucket.clock();
        let region = CloudFormation::new(&aws, &bucket, None, &[]);
        region.register_function(TOKEN, Arc::clone(&function) as Arc<dyn Function>);
        region.export(ACCOUNT, "route53-delegation-ServiceToken", TOKEN);
        Self {
            aws,
            _dns: dns,
            function,
            region,
            parent,
            child: Mutex::default(),
            gaps: Arc::default(),
            clock,
        }
    }

    /// Starts with a child zone that somebody delegated by hand, with this TTL.
    pub(crate) async fn with_delegation(ttl: u32) -> Self {
        let fixture = Self::new().await;
        let child = fixture.aws.account(ACCOUNT).hosted_zone(NAME);
        fixture.parent.put(RecordSet::new(NAME, "NS", ttl, child.name_servers()));
        fixture.delegates_to(&child);
        fixture
    }

    /// Sets the zone whose delegation must exist from now on.
    pub(crate) fn delegates_to(&self, child: &ZoneHandle) {
        *self.child.lock().unwrap() = Some(child.clone());
        let (zone, gaps) = (self.parent.clone(), Arc::clone(&self.gaps));
        self.aws.after_call(Arc::new(move |call| {
            if call.action == "ChangeResourceRecordSets" && zone.record(NAME, "NS").is_none() {
                gaps.lock().unwrap().push(call.summary.clone());
            }
        }));
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
    pub(crate) fn claims(&self) -> usize {
        let values = self.parent.record(RECORD, "TXT").map(|set| set.values).unwrap_or_default();
        values.iter().filter(|value| value.contains(",claim=")).count()
    }

    pub(crate) fn remove_the_ownership_record(&self) {
        assert!(self.parent.remove(RECORD, "TXT"));
    }

    pub(crate) fn delegated_to(&self) -> Vec<String> {
        self.parent.record(NAME, "NS").map(|set| plain(&set.values)).unwrap_or_default()
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
        let gaps = self.gaps.lock().unwrap().clone();
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
        match (self.delegated_to().is_empty(), self.claims()) {
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
        self.clock.advance(Duration::from_secs(2));
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
