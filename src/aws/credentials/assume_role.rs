//! Assumes a role with STS, in one Region or in several in turn.

use std::sync::PoisonError;
use std::time::SystemTime;

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use tokio::time::sleep;

use super::{Accounts, FIRST_BACKOFF, MAX_BACKOFF, Regions, retry, unlimited};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::partition::{partition_of, route53_region};
use crate::backoff::Backoff;
use delegation_model::ids::RoleArn;
use delegation_model::role::{ExternalId, Role};

/// The number of attempts in one Region before the next Region is tried.
const ATTEMPTS_IN_TURN: u32 = 3;

/// A session of a role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RoleSession {
    pub(super) role: Role,
    /// The name of the session in CloudTrail.
    name: String,
}

impl RoleSession {
    /// Names the session after the program, and after the stack if there is one.
    pub(super) fn new(role: &Role, program: &str, stack: Option<&str>) -> Self {
        Self { role: role.clone(), name: session_name(program, stack) }
    }
}

impl Accounts {
    /// Assumes a role in its STS Region, if it has one. Otherwise, or with [`Regions::Any`], in the
    /// function's own Region, and if that fails, in the Region of Route 53. A VPC endpoint or a
    /// policy may allow only the first, and the role's account may have disabled it (IAM User
    /// Guide, "Manage AWS STS in an AWS Region").
    pub(super) async fn assume(
        &self,
        session: &RoleSession,
        regions: Regions,
    ) -> Result<Credentials, AwsError> {
        // The STS of another partition must not get the session token and the external id.
        if let Some(own) = self.config.region()
            && let Some(arn) =
                session.role.chain().find(|arn| arn.partition() != partition_of(own.as_ref()))
        {
            return Err(AwsError::foreign_role(&action(arn)));
        }
        let regions = self.sts_regions(&session.role, regions);
        let [only] = regions.as_slice() else {
            return self.assume_in_turn(session, &regions).await;
        };
        self.assume_in(only, session, None).await
    }

    /// The Regions to try, in this order.
    fn sts_regions(&self, role: &Role, regions: Regions) -> Vec<String> {
        let given = role.region.as_ref().map(|region| region.as_str().to_owned());
        if let (Some(given), Regions::OfRole) = (&given, regions) {
            return vec![given.clone()];
        }
        let partition = role.arn.partition();
        let own = self
            .config
            .region()
            .map(Region::as_ref)
            .filter(|region| partition_of(region) == partition);
        let mut regions: Vec<String> = own.into_iter().map(str::to_owned).collect();
        if own != Some(route53_region(partition)) {
            regions.push(route53_region(partition).to_owned());
        }
        let last = self.sts_region.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if last.is_some() && regions.last() == last.as_ref() {
            regions.reverse();
        }
        if let Some(given) = given {
            regions.retain(|region| *region != given);
            regions.insert(0, given);
        }
        regions
    }

    /// Makes a few attempts in each Region in turn, until one succeeds or an error is not
    /// transient.
    async fn assume_in_turn(
        &self,
        session: &RoleSession,
        regions: &[String],
    ) -> Result<Credentials, AwsError> {
        let most = self.config.retry_config().map_or(1, RetryConfig::max_attempts);
        let mut backoff = Backoff::new(FIRST_BACKOFF, MAX_BACKOFF);
        let mut attempts = 0;
        loop {
            let mut errors: Vec<(&str, AwsError)> = Vec::new();
            for region in regions {
                match self.assume_in(region, session, Some(ATTEMPTS_IN_TURN)).await {
                    Ok(credentials) => {
                        *self.sts_region.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(region.clone());
                        return Ok(credentials);
                    }
                    Err(error) => errors.push((region, error)),
                }
            }
            attempts += ATTEMPTS_IN_TURN;
            let error = AwsError::from_regions(&errors);
            let is_transient =
                matches!(error.kind, AwsErrorKind::NoResponse | AwsErrorKind::Throttled);
            if attempts >= most || !is_transient {
                return Err(error);
            }
            sleep(backoff.pause()).await;
        }
    }

    /// Assumes a role in this Region. `attempts` replaces the usual number of attempts.
    async fn assume_in(
        &self,
        region: &str,
        RoleSession { role, name }: &RoleSession,
        attempts: Option<u32>,
    ) -> Result<Credentials, AwsError> {
        let mut config = self.config_in(region);
        if let Some(attempts) = attempts {
            config = config.into_builder().retry_config(retry(attempts)).build();
        }
        let Some(through) = &role.through else {
            return assume_with(&config, name, &role.arn, role.external_id.as_ref()).await;
        };
        let first =
            SharedCredentialsProvider::new(assume_with(&config, name, through, None).await?);
        let config = config.into_builder().credentials_provider(first).build();
        assume_with(&config, name, &role.arn, role.external_id.as_ref()).await
    }
}

/// What an error calls the call that assumes this role.
fn action(arn: &RoleArn) -> String {
    format!("STS AssumeRole of {arn}")
}

/// Assumes a role with the credentials of `config`.
async fn assume_with(
    config: &SdkConfig,
    session_name: &str,
    arn: &RoleArn,
    external_id: Option<&ExternalId>,
) -> Result<Credentials, AwsError> {
    let action = action(arn);
    let config = aws_sdk_sts::config::Builder::from(config);
    let sts = aws_sdk_sts::Client::from_conf(config.retry_partition(unlimited("sts")).build());
    let response = sts
        .assume_role()
        .role_arn(arn.as_str())
        .role_session_name(session_name)
        .set_external_id(external_id.map(|id| id.expose().to_owned()))
        .send()
        .await
        .map_err(|error| AwsError::from_sdk(&action, &error, &[]))?;
    let credentials = response
        .credentials
        .ok_or_else(|| AwsError::unreadable(&action, "no credentials in the response".into()))?;
    let expiry = SystemTime::try_from(credentials.expiration).ok();
    Ok(Credentials::new(
        credentials.access_key_id,
        credentials.secret_access_key,
        Some(credentials.session_token),
        expiry,
        "AssumeRole",
    ))
}

/// Returns `<program>.<stack>`, or only the program's name (STS API Reference, AssumeRole: a
/// `RoleSessionName` has 2 to 64 of these characters).
fn session_name(program: &str, stack: Option<&str>) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "_=,.@-".contains(*c);
    let part = |text: &str, most| text.chars().filter(fits).take(most).collect::<String>();
    let name = match stack.map(|stack| part(stack, 31)).filter(|stack| !stack.is_empty()) {
        Some(stack) => format!("{}.{stack}", part(program, 32)),
        None => part(program, 64),
    };
    if name.len() < 2 { "custom-delegation".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_named_for_the_function_and_the_stack() {
        assert_eq!(session_name("delegation", Some("testing-dns")), "delegation.testing-dns");
        assert_eq!(session_name("delegation", None), "delegation");
        assert_eq!(session_name("", None), "custom-delegation");
        assert_eq!(session_name("d", Some("arn:x/\u{e9}")), "d.arnx");
        assert_eq!(session_name(&"f".repeat(64), Some(&"s".repeat(128))).len(), 64);
    }
}
