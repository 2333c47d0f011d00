//! Lambda's queue of asynchronous invocations, in simulated time: many requests at once for the
//! real function, and an account whose concurrency lets a few of them run at a time.
//!
//! What Lambda does is told by its Developer Guide, "How Lambda handles errors and retries with
//! asynchronous invocation": a throttled event goes back to the queue and is tried again, "from 1
//! second after the first attempt to a maximum of 5 minutes"; one whose function failed is tried
//! twice more, after one minute and after two; an event that is too old, or has failed three times,
//! goes to the on-failure queue. The page does not say how retries are spread, so both ends are
//! played: each pause with a jitter of half, and all events in step.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};
use std::{fmt, fs};

use custom_delegation::handler::Handler;
use futures::future::join_all;
use sandbox::{Quota, ResponseKey, Role, SyncRule, ZoneHandle};
use serde_json::{Value, json};
use test_support::{Asked, Network, simulate};
use tokio::time::{Instant, sleep, sleep_until, timeout};

const PARENT: &str = "111111111111";
const CHILD: &str = "222222222222";
/// `Timeout` of the template.
const TIMEOUT: Duration = Duration::from_mins(5);
/// Between two tries of an event that was throttled.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Before the second and the third try of an event whose function failed.
const AFTER_FAILURES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];
/// When CloudFormation cancels some of the Creates.
const CANCELLED_AFTER: Duration = Duration::from_secs(30);

/// How throttled events are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retries {
    /// Each pause has a jitter of half.
    Spread,
    /// All events wait for the same time.
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

/// What is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Play {
    pub(crate) concurrency: usize,
    pub(crate) creates: usize,
    /// So many of the Creates are cancelled: a Delete with an invented id follows.
    pub(crate) cancelled: usize,
    pub(crate) retries: Retries,
    pub(crate) times: Times,
    /// Whether the name servers are asked, as by default.
    pub(crate) verifies: bool,
    pub(crate) seed: u64,
}

/// How long an event and a request live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// `MaximumEventAgeInSeconds`.
    pub(crate) event_age: Duration,
    /// `ServiceTimeout`.
    pub(crate) service: Duration,
}

impl Times {
    /// As the template and the examples have them.
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

/// How an event ended, and how long after it was sent.
#[derive(Clone, Debug)]
struct Ended {
    how: Ending,
    after: Duration,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// SUCCESS, all name servers have the change.
    Insync,
    /// SUCCESS, without waiting until they do.
    Pending,
    /// SUCCESS of a Delete.
    Deleted,
    /// FAILED: its Delete came first.
    Cancelled,
    /// FAILED for another reason.
    Failed,
    /// Nobody waited for the answer any more.
    TooLate,
    /// In the on-failure queue.
    GivenUp,
}

/// The account's execution environments.
struct Lambda<'a> {
    network: &'a Network,
    idle: RefCell<Vec<Handler>>,
    play: Play,
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
                let wait = match self.play.retries {
                    Retries::Spread => pause.mul_f64(0.5 + fastrand::f64() / 2.0),
                    Retries::InStep => pause,
                };
                pause = (pause * 2).min(LONGEST_PAUSE);
                wait
            };
            let oldest = arrived + self.play.times.event_age;
            if Instant::now() + wait >= oldest {
                sleep_until(oldest).await;
                return Ended { how: Ending::GivenUp, after: arrived.elapsed() };
            }
            sleep(wait).await;
        }
    }

    /// What CloudFormation was told of a request that Lambda is done with.
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
            _ if after > self.play.times.service => Ending::TooLate,
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

/// What a play came to, or the worst of several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    play: Play,
    /// Answered with SUCCESS and `PENDING`.
    pending: usize,
    /// In the on-failure queue, answered too late, or with another failure than that they were
    /// cancelled.
    pub(crate) lost: usize,
    /// After how many seconds half of the requests were done.
    half: u64,
    /// After how many seconds all were.
    all: u64,
}

impl Row {
    /// The head of the table, as `docs/limits.md` has it.
    pub(crate) const HEAD: &str = "| concurrency | requests | retries | `PENDING` | in the on-failure queue | half done after | all after |\n\
                                   |---|---|---|---|---|---|---|\n";

    fn new(play: Play, ended: &[Ended]) -> Self {
        let count = |how: &[Ending]| ended.iter().filter(|ended| how.contains(&ended.how)).count();
        let mut after: Vec<u64> = ended.iter().map(|ended| ended.after.as_secs()).collect();
        after.sort_unstable();
        Self {
            play,
            pending: count(&[Ending::Pending]),
            lost: count(&[Ending::GivenUp, Ending::TooLate, Ending::Failed]),
            half: after[after.len() / 2],
            all: after[after.len() - 1],
        }
    }

    /// The worse of two, number by number.
    pub(crate) fn worse(self, other: Self) -> Self {
        Self {
            play: self.play,
            pending: self.pending.max(other.pending),
            lost: self.lost.max(other.lost),
            half: self.half.max(other.half),
            all: self.all.max(other.all),
        }
    }

    /// The row of the page for a play, if that line is it.
    pub(crate) fn published(line: &str, play: Play) -> Option<Self> {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let number = |cell: &str| cell.split(' ').next()?.parse::<u64>().ok();
        let [concurrency, requests, retries, pending, lost, half, all] = cells.as_slice() else {
            return None;
        };
        let is_it = number(concurrency)? == play.concurrency as u64
            && number(requests)? == (play.creates + play.cancelled) as u64
            && *retries == play.retries.to_string();
        let count = |cell| usize::try_from(number(cell)?).ok();
        let row = Self {
            play,
            pending: count(pending)?,
            lost: count(lost)?,
            half: number(half)?,
            all: number(all)?,
        };
        is_it.then_some(row)
    }

    /// True if nothing is worse than in `most`.
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
            play: Play { concurrency, creates, cancelled, retries, .. },
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

/// Plays it.
pub(crate) fn play(play: Play) -> Row {
    simulate(play.seed, async || {
        let network = Network::new();
        // The time that a change takes is that of four questions: about 45 seconds.
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
        for _ in 0..play.concurrency {
            idle.push(network.function("delegation", function_role.credentials(), |_| {}).await);
        }
        let zones: Vec<ZoneHandle> = (0..play.creates)
            .map(|n| child_account.hosted_zone(&format!("team-{n}.example.com")))
            .collect();
        let requests = requests(&network, play, &role, &zones);
        let lambda = Lambda { network: &network, idle: RefCell::new(idle), play };
        let ended = join_all(requests.iter().map(|request| lambda.deliver(request))).await;
        assert_right(&parent, &zones, &ended, play);
        Row::new(play, &ended)
    })
}

fn requests(network: &Network, play: Play, role: &Role, zones: &[ZoneHandle]) -> Vec<Request> {
    let now = network.clock.now();
    let request = |kind: &str, number: usize, after: Duration| {
        let key = ResponseKey {
            stack_id: format!("arn:aws:cloudformation:us-east-1:{CHILD}:stack/team-{number}/0"),
            logical_id: "Delegation".into(),
            request_id: format!("{kind}-{number}"),
        };
        // The properties of the README's example. The DNS check takes less than a second where all
        // is well, but the local DNS needs half a minute for so many zones.
        let properties = json!({
            "ServiceTimeout": play.times.service.as_secs().to_string(),
            "ChildZoneId": zones[number].id(),
            "ParentZoneName": "example.com",
            "ParentRoleArn": role.arn(),
            "Verification": if play.verifies { "REPORT" } else { "NONE" },
        });
        let id = (kind == "Delete").then(|| format!("team-{number}-Delegation-1X2Y3Z4ABCDE"));
        let asked = Asked { id: id.as_deref(), new: &properties, old: None };
        let sent = now + after;
        Request { event: network.event(kind, &key, sent, &asked), key, sent, after }
    };
    let creates = (0..play.creates).map(|number| request("Create", number, Duration::ZERO));
    let deletes = (0..play.cancelled)
        .map(|number| request("Delete", of_delete(play, number), CANCELLED_AFTER));
    creates.chain(deletes).collect()
}

/// Which Create a Delete cancels: they lie evenly among all.
fn of_delete(play: Play, number: usize) -> usize {
    number * play.creates / play.cancelled
}

/// What was answered is in the parent zone, and nothing else.
fn assert_right(parent: &ZoneHandle, zones: &[ZoneHandle], ended: &[Ended], play: Play) {
    let delete_of = |create| (0..play.cancelled).find(|number| of_delete(play, *number) == create);
    for (number, zone) in zones.iter().enumerate() {
        let (create, stands) = (&ended[number], parent.record(&zone.name(), "NS").is_some());
        match delete_of(number).map(|delete| ended[play.creates + delete].how) {
            None => assert_eq!(
                stands,
                matches!(create.how, Ending::Insync | Ending::Pending),
                "{number}: {create:?}"
            ),
            Some(Ending::Deleted) => assert!(!stands, "{number}: {create:?}"),
            Some(_) => {}
        }
    }
}
