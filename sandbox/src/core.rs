//! What the server and the handles share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::account::Credentials;
use crate::aws::Hook;
use crate::clock::Clock;
use crate::dns::ServeRule;
use crate::error::ApiError;
use crate::fault::Faults;
use crate::gate::GateState;
use crate::iam::{self, Context, Decision, Policies, Policy};
use crate::journal::Journal;
use crate::quota::Buckets;
use crate::route53::{Refusal, SyncRule, ZoneModel};

#[derive(Default)]
pub(crate) struct Core {
    pub clock: Clock,
    pub journal: Journal,
    pub faults: Arc<Faults>,
    pub gates: Mutex<Vec<Arc<GateState>>>,
    pub buckets: Mutex<Buckets>,
    pub hooks: Mutex<Hooks>,
    world: Mutex<World>,
}

#[derive(Default, Clone)]
pub(crate) struct Hooks {
    pub before: Vec<Hook>,
    pub after: Vec<Hook>,
    pub refusals: BTreeMap<String, Vec<Refusal>>,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub accounts: BTreeMap<String, AccountState>,
    pub keys: BTreeMap<String, Key>,
    pub zones: BTreeMap<String, ZoneModel>,
    pub changes: BTreeMap<String, ChangeState>,
    pub sync: SyncRule,
    pub serve: ServeRule,
    counter: u64,
}

#[derive(Debug, Default)]
pub(crate) struct AccountState {
    pub org: Option<String>,
    /// Service control policies beside `FullAWSAccess`, which stays attached.
    pub scps: Vec<Policy>,
    pub roles: BTreeMap<String, RoleState>,
}

#[derive(Debug, Default)]
pub(crate) struct RoleState {
    pub trust: Policy,
    pub policies: Vec<Policy>,
    pub boundary: Option<Policy>,
    pub max_session: u64,
}

/// A batch on its way to the name servers.
#[derive(Debug, Clone)]
pub(crate) struct ChangeState {
    pub account: String,
    pub submitted: SystemTime,
    pub comment: Option<String>,
    pub in_sync: bool,
    pub polls: u32,
}

impl ChangeState {
    /// What the next `GetChange` would tell.
    pub(crate) fn would_be_in_sync(&self, rule: SyncRule) -> bool {
        self.in_sync
            || match rule {
                SyncRule::Polls(n) => self.polls >= n,
                SyncRule::Never => false,
                SyncRule::Immediately => true,
            }
    }
}

/// An access key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub secret: String,
    pub token: Option<String>,
    pub expires: Option<SystemTime>,
    account: String,
    identity: Identity,
    session_policy: Option<Policy>,
}

#[derive(Debug, Clone)]
enum Identity {
    Admin,
    Session { role: String, name: String },
}

/// Who makes a call, and what it may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub account: String,
    /// The ARN that messages and the journal show.
    pub arn: String,
    /// `aws:PrincipalArn`: the role's ARN for a session.
    pub principal_arn: String,
    pub user_id: String,
    pub is_session: bool,
    org: Option<String>,
    policies: Policies,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

/// The lock, whether a test panicked under it or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn account(&mut self, id: &str) -> &mut AccountState {
        self.accounts.entry(id.to_owned()).or_default()
    }

    pub(crate) fn role(&mut self, account: &str, name: &str) -> Option<&mut RoleState> {
        self.accounts.get_mut(account)?.roles.get_mut(name)
    }

    /// A number that was not given out before.
    pub(crate) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// An identifier of that prefix and length, the same in every run.
    pub(crate) fn id(&mut self, prefix: &str, length: usize) -> String {
        let digest = Sha256::digest(format!("{prefix}{}", self.next()));
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let tail = digest.iter().filter_map(|byte| letters.get(usize::from(byte % 32))).map(|byte| char::from(*byte));
        prefix.chars().chain(tail).take(length).collect()
    }

    /// The public zones, each with the changes that have reached its name servers.
    pub(crate) fn served(&mut self) -> impl Iterator<Item = &ZoneModel> {
        let Self { zones, changes, sync, serve, .. } = self;
        for zone in zones.values_mut() {
            zone.served.settle(|id| {
                *serve == ServeRule::AtOnce || changes.get(id).is_none_or(|change| change.would_be_in_sync(*sync))
            });
        }
        zones.values().filter(|zone| !zone.private)
    }

    pub(crate) fn admin_key(&mut self, account: &str) -> Credentials {
        self.key(account, Identity::Admin, None, None)
    }

    pub(crate) fn session_key(
        &mut self,
        account: &str,
        role: &str,
        name: &str,
        expires: SystemTime,
        session_policy: Option<Policy>,
    ) -> Credentials {
        let identity = Identity::Session { role: role.to_owned(), name: name.to_owned() };
        self.key(account, identity, Some(expires), session_policy)
    }

    fn key(
        &mut self,
        account: &str,
        identity: Identity,
        expires: Option<SystemTime>,
        session_policy: Option<Policy>,
    ) -> Credentials {
        let prefix = if expires.is_some() { "ASIA" } else { "AKIA" };
        let access_key_id = self.id(prefix, 20);
        let secret = hex::encode(Sha256::digest(format!("secret {access_key_id}")));
        let token = expires.is_some().then(|| hex::encode(Sha256::digest(format!("token {access_key_id}"))));
        let credentials = Credentials {
            access_key_id: access_key_id.clone(),
            secret_access_key: secret.clone(),
            session_token: token.clone(),
        };
        let account = account.to_owned();
        self.keys.insert(access_key_id, Key { secret, token, expires, account, identity, session_policy });
        credentials
    }

    pub(crate) fn caller(&self, key: &Key) -> Caller {
        let account = &key.account;
        let state = self.accounts.get(account);
        let org = state.and_then(|state| state.org.clone());
        let (arn, principal_arn, user_id, identity, boundary) = match &key.identity {
            Identity::Admin => {
                let arn = format!("arn:aws:iam::{account}:user/admin");
                (arn.clone(), arn, "AIDAADMIN".to_owned(), vec![everything()], None)
            }
            Identity::Session { role, name } => {
                // A deleted role leaves sessions without any permission.
                let state = state.and_then(|state| state.roles.get(role));
                let (policies, boundary) =
                    state.map(|role| (role.policies.clone(), role.boundary.clone())).unwrap_or_default();
                let arn = format!("arn:aws:sts::{account}:assumed-role/{}/{name}", last_segment(role));
                (arn, role_arn(account, role), format!("AROA{}:{name}", role.len()), policies, boundary)
            }
        };
        let is_session = matches!(key.identity, Identity::Session { .. });
        let scps = state.map(|state| state.scps.clone()).unwrap_or_default();
        let policies = Policies { scps, identity, boundary, session: key.session_policy.clone() };
        Caller { account: account.clone(), arn, principal_arn, user_id, is_session, org, policies }
    }
}

impl Caller {
    /// The global condition keys ("AWS global condition context keys").
    pub(crate) fn context(&self) -> Context {
        let mut context = Context::default();
        context.set("aws:PrincipalArn", [self.principal_arn.clone()]);
        context.set("aws:PrincipalAccount", [self.account.clone()]);
        context.set("aws:SecureTransport", ["true".to_owned()]);
        if let Some(org) = &self.org {
            context.set("aws:PrincipalOrgID", [org.clone()]);
        }
        context
    }

    /// The decision of all policies, and the kind of policy that made it.
    pub(crate) fn decide(&self, request: &iam::Request<'_>) -> (Decision, &'static str) {
        self.policies.decide(request)
    }

    /// Refuses in the words of the service ("Troubleshoot access denied error messages").
    pub(crate) fn authorize(&self, action: &str, resource: Option<&str>, context: &Context) -> Result<(), ApiError> {
        let request = iam::Request { action, resource: resource.unwrap_or("*"), context };
        let why = match self.decide(&request) {
            (Decision::Allowed, _) => return Ok(()),
            (Decision::NotAllowed, kind) => format!("because no {kind} allows the {action} action"),
            (Decision::Denied, iam::IDENTITY) => format!("with an explicit deny in an {}", iam::IDENTITY),
            (Decision::Denied, kind) => format!("with an explicit deny in a {kind}"),
        };
        let on = resource.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
        Err(ApiError::access_denied(format!("User: {} is not authorized to perform: {action}{on} {why}", self.arn)))
    }
}

pub(crate) fn role_arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn everything() -> Policy {
    let document = serde_json::json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    Policy::parse(&document).expect("a fixed document")
}
