//! Lambda's queue of asynchronous invocations, in simulated time: many requests at once to the real
//! function, in an account whose concurrency lets only a few of them run at a time.
//!
//! Lambda's behavior is that of its Developer Guide, "How Lambda handles errors and retries with
//! asynchronous invocation": a throttled event returns to the queue and is retried "from 1 second
//! after the first attempt to a maximum of 5 minutes"; an event whose function failed is retried
//! twice, after one minute and after two; an event that is too old, or has failed three times, goes
//! to the on-failure queue. The page does not say how retries are spread, so both extremes are
//! tested: each pause with a jitter of half its length, and all events in step.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};
use std::{fmt, fs};

use custom_delegation::handler::Handler;
use futures::future::join_all;
use sandbox::{Quota, ResponseKey, Role, SyncRule, ZoneHandle};
use serde_json::{Value, json};
use test_support::{Network, RequestFields, simulate};
use tokio::time::{Instant, sleep, sleep_until, timeout};

const PARENT: &str = "111111111111";
const CHILD: &str = "222222222222";
/// The `Timeout` of the template.
const TIMEOUT: Duration = Duration::from_mins(5);
/// The pauses between two attempts to deliver a throttled event: the first one, and the limit.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// The pauses before the second and the third delivery of an event whose function failed.
const AFTER_FAILURES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];
/// When CloudFormation cancels some of the Creates.
const CANCELLED_AFTER: Duration = Duration::from_secs(30);

/// How throttled events are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retries {
    /// Each pause has a jitter of half its length.
    Spread,
    /// All events pause for the same time.
    InStep,
}

impl fmt::Display for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spread => "spread",
            Self::InStep => "in step",
        })
    }
}

/// The parameters of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueRun {
    pub(crate) concurrency: usize,
    pub(crate) creates: usize,
    /// How many of the Creates are cancelled: each is followed by a Delete with an invented id.
    pub(crate) cancelled: usize,
    pub(crate) retries: Retries,
    pub(crate) times: Times,
    /// Whether the DNS check runs, as by default.
    pub(crate) verifies: bool,
    pub(crate) seed: u64,
}

/// The time limits of an event and of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// `MaximumEventAgeInSeconds`.
    pub(crate) event_age: Duration,
    /// `ServiceTimeout`.
    pub(crate) service: Duration,
}

impl Times {
    /// The values in the template and the examples.
    pub(crate) fn shipped() -> Self {
        let number = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap();
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
            Duration::from_secs(
                line.unwrap_or_else(|| panic!("no {key} in {file}")).trim().parse().unwrap(),
            )
        };
        Self {
            event_age: number("template.yaml", "MaximumEventAgeInSeconds:"),
            service: number("examples/child-stack.yaml", "ServiceTimeout:"),
        }
    }
}

/// The result of an event, and how long after it was sent the result came.
#[derive(Clone, Debug)]
struct Ended {
    how: Ending,
    after: Duration,
}

/// The result of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// SUCCESS; all name servers have the change.
    Insync,
    /// SUCCESS without waiting until they do.
    Pending,
    /// SUCCESS of a Delete.
    Deleted,
    /// FAILED because its Delete was first.
    Cancelled,
    /// FAILED for another reason.
    Failed,
    /// The answer came after CloudFormation stopped waiting.
    TooLate,
    /// The event is in the on-failure queue.
    GivenUp,
}

/// The account's execution environments.
struct Lambda<'a> {
    network: &'a Network,
    idle: RefCell<Vec<Handler>>,
    run: QueueRun,
}

/// A request, and when CloudFormation sends it.
struct Request {
    key: ResponseKey,
    event: Value,
    sent: SystemTime,
    after: Duration,
}

impl Lambda<'_> {
    /// Delivers an event until Lambda is done with it.
    async fn deliver(&self, request: &Request) -> Ended {
        sleep(request.after).await;
        let arrived = Instant::now();
        let (mut pause, mut failures) = (FIRST_PAUSE, 0);
        loop {
            let taken = self.idle.borrow_mut().pop();
            let wait = if let Some(function) = taken {
                let invocation = self.network.invocation(TIMEOUT);
                let event = request.event.to_string();
                let result = timeout(TIMEOUT, function.handle(&event, &invocation)).await;
                self.idle.borrow_mut().push(function);
                if matches!(result, Ok(Ok(()))) {
                    return self.answered(request, arrived);
                }
                failures += 1;
                match AFTER_FAILURES.get(failures - 1) {
                    Some(wait) => *wait,
                    None => return Ended { how: Ending::GivenUp, after: arrived.elapsed() },
                }
            } else {
                let wait = match self.run.retries {
                    Retries::Spread => pause.mul_f64(0.5 + fastrand::f64() / 2.0),
                    Retries::InStep => pause,
                };
                pause = (pause * 2).min(LONGEST_PAUSE);
                wait
            };
            let oldest = arrived + self.run.times.event_age;
            if Instant::now() + wait >= oldest {
                sleep_until(oldest).await;
                return Ended { how: Ending::GivenUp, after: arrived.elapsed() };
            }
            sleep(wait).await;
        }
    }

    /// Returns the result of a request that Lambda is done with.
    fn answered(&self, request: &Request, arrived: Instant) -> Ended {
        let after = self.network.clock.now().duration_since(request.sent).unwrap_or_default();
        assert!(after >= arrived.elapsed(), "{after:?}");
        let answers = self.network.bucket.answers(&request.key.request_id);
        let [answer] = answers.as_slice() else {
            panic!("{} answers to {:?}", answers.len(), request.key)
        };
        let answer = answer.json();
        let how = match (
            answer["Status"].as_str().unwrap(),
            request.event["RequestType"].as_str().unwrap(),
        ) {
            _ if after > self.run.times.service => Ending::TooLate,
            ("SUCCESS", "Delete") => Ending::Deleted,
            ("SUCCESS", _) if answer["Data"]["ChangeStatus"] == "INSYNC" => Ending::Insync,
            ("SUCCESS", _) => Ending::Pending,
            _ if answer["Reason"].as_str().unwrap().ends_with("[create-cancelled]") => {
                Ending::Cancelled
            }
            _ => Ending::Failed,
        };
        Ended { how, after }
    }
}

/// The result of a run, or the worst of several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    run: QueueRun,
    /// The number of requests that were answered with SUCCESS and `PENDING`.
    pending: usize,
    /// The number of requests that are in the on-failure queue, were answered too late, or failed
    /// for another reason than that they were cancelled.
    pub(crate) lost: usize,
    /// The seconds until half of the requests were done.
    half: u64,
    /// The seconds until all requests were done.
    all: u64,
}

impl Row {
    /// The head of the table in `docs/limits.md`.
    pub(crate) const HEAD: &str = "| concurrency | requests | retries | `PENDING` | lost | half done after | all after |\n\
                                   |---|---|---|---|---|---|---|\n";

    fn new(run: QueueRun, ended: &[Ended]) -> Self {
        let count = |how: &[Ending]| ended.iter().filter(|ended| how.contains(&ended.how)).count();
        let mut after: Vec<u64> = ended.iter().map(|ended| ended.after.as_secs()).collect();
        after.sort_unstable();
        Self {
            run,
            pending: count(&[Ending::Pending]),
            lost: count(&[Ending::GivenUp, Ending::TooLate, Ending::Failed]),
            half: after[after.len() / 2],
            all: after[after.len() - 1],
        }
    }

    /// Returns the worse of two results, number by number.
    pub(crate) fn worse(self, other: Self) -> Self {
        Self {
            run: self.run,
            pending: self.pending.max(other.pending),
            lost: self.lost.max(other.lost),
            half: self.half.max(other.half),
            all: self.all.max(other.all),
        }
    }

    /// Parses the line of the page, if it is the row of this run.
    pub(crate) fn published(line: &str, run: QueueRun) -> Option<Self> {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let number = |cell: &str| cell.split(' ').next()?.parse::<u64>().ok();
        let [concurrency, requests, retries, pending, lost, half, all] = cells.as_slice() else {
            return None;
        };
        let is_it = number(concurrency)? == run.concurrency as u64
            && number(requests)? == (run.creates + run.cancelled) as u64
            && *retries == run.retries.to_string();
        let count = |cell| usize::try_from(number(cell)?).ok();
        let row = Self {
            run,
            pending: count(pending)?,
            lost: count(lost)?,
            half: number(half)?,
            all: number(all)?,
        };
        is_it.then_some(row)
    }

    /// Returns whether no number is worse than in `most`.
    pub(crate) fn is_within(&self, most: &Self) -> bool {
        self.pending <= most.pending
            && self.lost <= most.lost
            && self.half <= most.half
            && self.all <= most.all
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            run: QueueRun { concurrency, creates, cancelled, retries, .. },
            pending,
            lost,
            half,
            all,
        } = self;
        let requests = creates + cancelled;
        writeln!(
            f,
            "| {concurrency} | {requests} | {retries} | {pending} | {lost} | {half} s | {all} s |"
        )
    }
}

/// Simulates a run.
pub(crate) fn simulate_run(run: QueueRun) -> Row {
    simulate(run.seed, async || {
        let network = Network::new();
        // A change is in sync at the fourth poll, after about 45 seconds.
        network.aws.sync_after(SyncRule::Polls(3));
        let quota = Some(Quota { per_second: 10.0, burst: 50.0 });
        network.aws.rate_limit(quota);
        network.aws.rate_limit_overall(quota);
        let (parent_account, child_account) =
            (network.aws.account(PARENT), network.aws.account(CHILD));
        let parent = parent_account.hosted_zone("example.com");
        let role = parent_account.role("parent").trust_account(CHILD, None).allow_all_route53();
        let function_role =
            child_account.role("function").allow_all_route53().allow_assume(&role.arn());
        let mut idle = Vec::new();
        for _ in 0..run.concurrency {
            idle.push(network.function("delegation", function_role.credentials(), |_| {}).await);
        }
        let zones: Vec<ZoneHandle> = (0..run.creates)
            .map(|n| child_account.hosted_zone(&format!("team-{n}.example.com")))
            .collect();
        let requests = requests(&network, run, &role, &zones);
        let lambda = Lambda { network: &network, idle: RefCell::new(idle), run };
        let ended = join_all(requests.iter().map(|request| lambda.deliver(request))).await;
        assert_zone_matches(&parent, &zones, &ended, run);
        Row::new(run, &ended)
    })
}

fn requests(network: &Network, run: QueueRun, role: &Role, zones: &[ZoneHandle]) -> Vec<Request> {
    let now = network.clock.now();
    let request = |kind: &str, number: usize, after: Duration| {
        let key = ResponseKey {
            stack_id: format!("arn:aws:cloudformation:us-east-1:{CHILD}:stack/team-{number}/0"),
            logical_id: "Delegation".into(),
            request_id: format!("{kind}-{number}"),
        };
        // As in the README's example, but without an external id. Most runs go without the DNS
        // check, because the local DNS needs half a minute for so many zones.
        let properties = json!({
            "ServiceTimeout": run.times.service.as_secs().to_string(),
            "ChildZoneId": zones[number].id(),
            "ParentZoneName": "example.com",
            "ParentRoleArn": role.arn(),
            "Verification": if run.verifies { "REPORT" } else { "NONE" },
        });
        let id = (kind == "Delete").then(|| format!("team-{number}-Delegation-1X2Y3Z4ABCDE"));
        let fields = RequestFields { id: id.as_deref(), new: &properties, old: None };
        let sent = now + after;
        Request { event: network.event(kind, &key, sent, &fields), key, sent, after }
    };
    let creates = (0..run.creates).map(|number| request("Create", number, Duration::ZERO));
    let deletes =
        (0..run.cancelled).map(|number| request("Delete", of_delete(run, number), CANCELLED_AFTER));
    creates.chain(deletes).collect()
}

/// Returns the number of the Create that a Delete cancels; they are spread evenly.
fn of_delete(run: QueueRun, number: usize) -> usize {
    number * run.creates / run.cancelled
}

/// Asserts that each delegation whose Create was not cancelled exists if and only if its Create
/// succeeded, and that none exists whose Delete succeeded.
fn assert_zone_matches(parent: &ZoneHandle, zones: &[ZoneHandle], ended: &[Ended], run: QueueRun) {
    let delete_of = |create| (0..run.cancelled).find(|number| of_delete(run, *number) == create);
    for (number, zone) in zones.iter().enumerate() {
        let (create, exists) = (&ended[number], parent.record(&zone.name(), "NS").is_some());
        match delete_of(number).map(|delete| ended[run.creates + delete].how) {
            None => assert_eq!(
                exists,
                matches!(create.how, Ending::Insync | Ending::Pending),
                "{number}: {create:?}"
            ),
            Some(Ending::Deleted) => assert!(!exists, "{number}: {create:?}"),
            Some(_) => {}
        }
    }
}
