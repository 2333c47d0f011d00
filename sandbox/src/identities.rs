//! The accounts with their roles and access keys, and the identity of a caller.

use std::collections::BTreeMap;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::handles::Credentials;
use crate::iam::{self, Context, Decision, Policies, Policy};
use crate::ids::Ids;

#[derive(Debug, Default)]
pub(crate) struct Identities {
    pub accounts: BTreeMap<String, AccountState>,
    pub keys: BTreeMap<String, AccessKey>,
}

#[derive(Debug, Default)]
pub(crate) struct AccountState {
    pub org: Option<String>,
    /// The value of `aws:PrincipalOrgPaths`.
    pub org_path: Option<String>,
    /// The service control policies, except `FullAWSAccess`, which stays attached.
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

#[derive(Debug, Clone)]
pub(crate) struct AccessKey {
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

impl AccessKey {
    fn new(account: &str, identity: Identity) -> Self {
        let (secret, account) = (String::new(), account.to_owned());
        Self { secret, token: None, expires: None, account, identity, session_policy: None }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Session<'a> {
    pub account: &'a str,
    pub role: &'a str,
    pub name: &'a str,
}

/// The caller, and its permissions.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub account: String,
    /// The ARN in messages and in the journal.
    pub arn: String,
    /// `aws:PrincipalArn`: the role's ARN for a session.
    pub principal_arn: String,
    pub user_id: String,
    pub is_session: bool,
    org: Option<String>,
    org_path: Option<String>,
    policies: Policies,
}

impl Identities {
    pub(crate) fn account(&mut self, id: &str) -> &mut AccountState {
        self.accounts.entry(id.to_owned()).or_default()
    }

    pub(crate) fn role(&mut self, account: &str, name: &str) -> Option<&mut RoleState> {
        self.accounts.get_mut(account)?.roles.get_mut(name)
    }

    pub(crate) fn admin_key(&mut self, ids: &Ids, account: &str) -> Credentials {
        let state = AccessKey::new(account, Identity::Admin);
        self.add(ids, "AKIA", state)
    }

    pub(crate) fn session_key(
        &mut self,
        ids: &Ids,
        session: Session<'_>,
        expires: SystemTime,
        policy: Option<Policy>,
    ) -> Credentials {
        let identity =
            Identity::Session { role: session.role.to_owned(), name: session.name.to_owned() };
        let key = AccessKey {
            expires: Some(expires),
            session_policy: policy,
            ..AccessKey::new(session.account, identity)
        };
        self.add(ids, "ASIA", key)
    }

    fn add(&mut self, ids: &Ids, prefix: &str, mut key: AccessKey) -> Credentials {
        let access_key_id = ids.id(prefix, 20);
        key.secret = hex::encode(Sha256::digest(format!("secret {access_key_id}")));
        key.token =
            key.expires.map(|_| hex::encode(Sha256::digest(format!("token {access_key_id}"))));
        let credentials = Credentials {
            access_key_id: access_key_id.clone(),
            secret_access_key: key.secret.clone(),
            session_token: key.token.clone(),
        };
        self.keys.insert(access_key_id, key);
        credentials
    }

    pub(crate) fn caller(&self, key: &AccessKey) -> Caller {
        let account = &key.account;
        let state = self.accounts.get(account);
        let org = state.and_then(|state| state.org.clone());
        let org_path = state.and_then(|state| state.org_path.clone());
        let (arn, principal_arn, user_id, identity, boundary) = match &key.identity {
            Identity::Admin => {
                let arn = format!("arn:aws:iam::{account}:user/admin");
                (arn.clone(), arn, "AIDAADMIN".to_owned(), vec![everything()], None)
            }
            Identity::Session { role, name } => {
                // The sessions of a deleted role have no permissions.
                let state = state.and_then(|state| state.roles.get(role));
                let (policies, boundary) = state
                    .map(|role| (role.policies.clone(), role.boundary.clone()))
                    .unwrap_or_default();
                let arn =
                    format!("arn:aws:sts::{account}:assumed-role/{}/{name}", last_segment(role));
                (
                    arn,
                    role_arn(account, role),
                    format!("AROA{}:{name}", role.len()),
                    policies,
                    boundary,
                )
            }
        };
        let is_session = matches!(key.identity, Identity::Session { .. });
        let scps = state.map(|state| state.scps.clone()).unwrap_or_default();
        let policies = Policies { scps, identity, boundary, session: key.session_policy.clone() };
        Caller {
            account: account.clone(),
            arn,
            principal_arn,
            user_id,
            is_session,
            org,
            org_path,
            policies,
        }
    }
}

impl Caller {
    /// The global condition keys ("AWS global condition context keys").
    /// Probe: sts/principal-arn.
    pub(crate) fn context(&self) -> Context {
        let mut context = Context::default();
        context.set("aws:PrincipalArn", [self.principal_arn.clone()]);
        context.set("aws:PrincipalAccount", [self.account.clone()]);
        context.set("aws:SecureTransport", ["true".to_owned()]);
        if let Some(org) = &self.org {
            context.set("aws:PrincipalOrgID", [org.clone()]);
        }
        if let Some(path) = &self.org_path {
            context.set("aws:PrincipalOrgPaths", [path.clone()]);
        }
        context
    }

    /// The decision of all policies, and the kind of policy that made it.
    pub(crate) fn decide(&self, request: &iam::IamRequest<'_>) -> (Decision, &'static str) {
        self.policies.decide(request)
    }

    /// Denies with the message of the service ("Troubleshoot access denied error messages").
    /// Probe: iam/denied-by-none, iam/denied-by-deny, iam/denied-without-resource.
    pub(crate) fn authorize(
        &self,
        action: &str,
        resource: Option<&str>,
        context: &Context,
    ) -> Result<(), ApiError> {
        let request = iam::IamRequest { action, resource: resource.unwrap_or("*"), context };
        let why = match self.decide(&request) {
            (Decision::Allowed, _) => return Ok(()),
            (Decision::NotAllowed, kind) => format!("because no {kind} allows the {action} action"),
            (Decision::Denied, iam::IDENTITY) => {
                format!("with an explicit deny in an {}", iam::IDENTITY)
            }
            (Decision::Denied, kind) => format!("with an explicit deny in a {kind}"),
        };
        let on = resource.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
        Err(ApiError::access_denied(format!(
            "User: {} is not authorized to perform: {action}{on} {why}",
            self.arn
        )))
    }
}

pub(crate) fn role_arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn everything() -> Policy {
    let document =
        serde_json::json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    Policy::parse(&document).expect("a fixed document")
}
