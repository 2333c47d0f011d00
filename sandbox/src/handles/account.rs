//! Accounts, roles and credentials of a test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::ZoneHandle;
use super::zone::create_zone;
use crate::iam::{self, Decision, Policy};
use crate::identities::{Caller, RoleState, Session, role_arn};
use crate::shared_state::SharedState;

#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA…` for a user, `ASIA…` for a session.
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// The environment variables from which an AWS client reads the credentials.
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("AWS_ACCESS_KEY_ID".to_owned(), self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), self.secret_access_key.clone()),
        ];
        env.extend(self.session_token.clone().map(|token| ("AWS_SESSION_TOKEN".to_owned(), token)));
        env
    }
}

#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) shared: Arc<SharedState>,
    id: String,
}

impl Account {
    pub(crate) fn new(shared: &Arc<SharedState>, id: &str) -> Self {
        shared.identities().account(id);
        Self { shared: Arc::clone(shared), id: id.to_owned() }
    }

    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Creates a public hosted zone. Several zones may have the same name.
    pub fn hosted_zone(&self, name: &str) -> ZoneHandle {
        create_zone(&self.shared, &self.id, None, name)
    }

    pub fn private_hosted_zone(&self, name: &str) -> ZoneHandle {
        create_zone(&self.shared, &self.id, None, name).make_private()
    }

    /// Creates a public hosted zone with this id, which must not exist yet.
    pub fn hosted_zone_with_id(&self, id: &str, name: &str) -> ZoneHandle {
        create_zone(&self.shared, &self.id, Some(id), name)
    }

    /// The role with this name. It is created on first use, without trust or permissions.
    pub fn role(&self, name: &str) -> Role {
        let mut identities = self.shared.identities();
        let new = || RoleState { max_session: 3600, ..RoleState::default() };
        identities.account(&self.id).roles.entry(name.to_owned()).or_insert_with(new);
        Role { shared: Arc::clone(&self.shared), account: self.id.clone(), name: name.to_owned() }
    }

    /// Sets the organization of the account, the value of `aws:PrincipalOrgID`.
    pub fn set_org(&self, id: &str) {
        self.shared.identities().account(&self.id).org = Some(id.to_owned());
    }

    /// Sets the organizational unit of the account, the value of `aws:PrincipalOrgPaths`, for
    /// instance `o-exampleorgid/r-exam/ou-exam-example1/`.
    pub fn set_org_path(&self, path: &str) {
        self.shared.identities().account(&self.id).org_path = Some(path.to_owned());
    }

    /// Attaches a service control policy in addition to `FullAWSAccess`. Panics if it is malformed.
    #[allow(clippy::needless_pass_by_value, reason = "called with json!")]
    pub fn service_control_policy(&self, document: Value) {
        let policy = parse(&document);
        self.shared.identities().account(&self.id).scps.push(policy);
    }

    /// Detaches all service control policies except `FullAWSAccess`.
    pub fn without_service_control_policies(&self) {
        self.shared.identities().account(&self.id).scps.clear();
    }

    /// Credentials of a user with all permissions in the account.
    pub fn user_credentials(&self) -> Credentials {
        self.shared.identities().admin_key(&self.shared.ids, &self.id)
    }
}

/// A role. Its policies are evaluated on each call, so changing them also affects existing
/// sessions.
#[derive(Clone, Debug)]
pub struct Role {
    shared: Arc<SharedState>,
    account: String,
    name: String,
}

#[allow(
    clippy::return_self_not_must_use,
    reason = "they change the role even if the returned handle is not used"
)]
impl Role {
    /// `arn:aws:iam::<account>:role/<name>`.
    pub fn arn(&self) -> String {
        role_arn(&self.account, &self.name)
    }

    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Sets the trust policy. Panics if it is malformed.
    #[allow(clippy::needless_pass_by_value, reason = "called with json!")]
    pub fn trust(self, document: Value) -> Self {
        let policy = parse(&document);
        self.edit(|role| role.trust = policy);
        self
    }

    /// Sets a trust policy that admits an account, with this external id if there is one.
    pub fn trust_account(self, account: &str, external_id: Option<&str>) -> Self {
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": "sts:AssumeRole",
        });
        if let (Some(id), Some(object)) = (external_id, statement.as_object_mut()) {
            object.insert("Condition".to_owned(), json!({"StringEquals": {"sts:ExternalId": id}}));
        }
        self.trust(json!({"Version": "2012-10-17", "Statement": [statement]}))
    }

    /// Adds an identity-based policy. Panics if it is malformed.
    #[allow(clippy::needless_pass_by_value, reason = "called with json!")]
    pub fn policy(self, document: Value) -> Self {
        let policy = parse(&document);
        self.edit(|role| role.policies.push(policy));
        self
    }

    /// Removes all identity-based policies.
    pub fn without_policies(self) -> Self {
        self.edit(|role| role.policies.clear());
        self
    }

    /// Sets the permissions boundary. Panics if it is malformed.
    #[allow(clippy::needless_pass_by_value, reason = "called with json!")]
    pub fn boundary(self, document: Value) -> Self {
        let policy = parse(&document);
        self.edit(|role| role.boundary = Some(policy));
        self
    }

    /// True if the role's own policies and those of its account give a session this permission. For
    /// services that the sandbox does not have; on AWS, `SimulatePrincipalPolicy` answers this.
    pub fn may(&self, action: &str, resource: &str) -> bool {
        self.decides(action, resource, &[], |_, _| true)
    }

    /// True if a session of the role has this permission for a resource of another account with
    /// this policy. Both sides must allow it ("Cross-account policy evaluation logic"). Panics if
    /// the policy is malformed.
    #[allow(clippy::needless_pass_by_value, reason = "called with json!")]
    pub fn may_by(&self, resource_policy: Value, action: &str, resource: &str) -> bool {
        self.may_by_with(resource_policy, action, resource, &[])
    }

    /// Like [`Role::may_by`], with further condition keys of the request, such as `kms:ViaService`.
    #[allow(clippy::needless_pass_by_value, reason = "called with json!")]
    pub fn may_by_with(
        &self,
        resource_policy: Value,
        action: &str,
        resource: &str,
        keys: &[(&str, &str)],
    ) -> bool {
        let policy = parse(&resource_policy);
        self.decides(action, resource, keys, |caller, request| {
            let names = [caller.arn.as_str(), caller.principal_arn.as_str()];
            matches!(policy.admits(&caller.account, &names, request), Ok(Some(_)))
        })
    }

    fn decides(
        &self,
        action: &str,
        resource: &str,
        keys: &[(&str, &str)],
        also: impl Fn(&Caller, &iam::IamRequest<'_>) -> bool,
    ) -> bool {
        let credentials = self.credentials();
        let identities = self.shared.identities();
        let key = identities.keys.get(&credentials.access_key_id);
        let Some(caller) = key.map(|key| identities.caller(key)) else {
            return false;
        };
        let mut context = caller.context();
        for (key, value) in keys {
            context.set(key, [(*value).to_owned()]);
        }
        let request = iam::IamRequest { action, resource, context: &context };
        caller.decide(&request).0 == Decision::Allowed && also(&caller, &request)
    }

    /// Allows every Route 53 action on every resource.
    pub fn allow_all_route53(self) -> Self {
        self.policy(
            json!({"Statement": [{"Effect": "Allow", "Action": "route53:*", "Resource": "*"}]}),
        )
    }

    /// Allows the role to assume another role, given by its ARN or a pattern of ARNs.
    pub fn allow_assume(self, role_arn: &str) -> Self {
        self.policy(json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn}]}))
    }

    /// Sets the longest session that `AssumeRole` may request. The default is one hour.
    pub fn max_session(self, duration: Duration) -> Self {
        self.edit(|role| role.max_session = duration.as_secs());
        self
    }

    /// Deletes the role. Its sessions are still known, but have no permissions.
    pub fn delete(&self) {
        self.shared.identities().account(&self.account).roles.remove(&self.name);
    }

    /// A session of the role, like the one that Lambda gives a function. It is valid for 12 hours
    /// of the sandbox's clock.
    pub fn credentials(&self) -> Credentials {
        self.credentials_for(Duration::from_hours(12))
    }

    /// A session that expires after this time of the sandbox's clock.
    pub fn credentials_for(&self, duration: Duration) -> Credentials {
        let expires = self.shared.clock.now() + duration;
        let session = Session { account: &self.account, role: &self.name, name: "sandbox" };
        self.shared.identities().session_key(&self.shared.ids, session, expires, None)
    }

    fn edit(&self, edit: impl FnOnce(&mut RoleState)) {
        let mut identities = self.shared.identities();
        edit(identities.role(&self.account, &self.name).expect("the role was deleted"));
    }
}

fn parse(document: &Value) -> Policy {
    match Policy::parse(document) {
        Ok(policy) => policy,
        Err(problem) => panic!("MalformedPolicyDocument: {problem}: {document}"),
    }
}
