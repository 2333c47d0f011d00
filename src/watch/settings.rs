//! The settings of the watch, from its environment variables.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::config::{self, Config};
use crate::scan::Source;
use delegation_model::ids::RoleArn;
use delegation_model::role::{ExternalId, Role};
use inventory::{Accepted, AcceptedError};

/// The settings of the watch.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `DELEGATION_WATCH_ROLES` and `DELEGATION_WATCH_EXTERNAL_ID`: the roles to read with, one for
    /// each account. If empty, the watch reads its own account.
    pub roles: Vec<Role>,
    /// `DELEGATION_WATCH_ACCEPTED`: the accepted findings, which raise no alarm, in the format of
    /// `delegation list --accepted`.
    pub accepted: Accepted,
    /// `DELEGATION_DNS_RESOLVER`, as for the function.
    pub dns_resolver: Option<SocketAddr>,
    /// `DELEGATION_DNS_ANY_ADDRESS`, as for the function.
    pub dns_any_address: bool,
}

/// An invalid setting. No message repeats a role or an external id: somebody may have put the
/// external id into the wrong variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A setting that the function has as well.
    #[error("{0}")]
    Common(String),
    /// `DELEGATION_WATCH_ROLES`.
    #[error(
        "DELEGATION_WATCH_ROLES: item {0} must be the ARN of a role, such as \
         arn:aws:iam::111111111111:role/name. Its value is not repeated here."
    )]
    Role(usize),
    /// Two roles of one account in `DELEGATION_WATCH_ROLES`.
    #[error(
        "DELEGATION_WATCH_ROLES has two roles of the account {0}. One role reads all of its zones. \
         Remove the other."
    )]
    TwoRoles(String),
    /// `DELEGATION_WATCH_EXTERNAL_ID`.
    #[error(
        "DELEGATION_WATCH_EXTERNAL_ID must have 2 to 1224 characters, each a letter, a digit or \
         one of _+=,.@:/-. Its value is not repeated here."
    )]
    ExternalId,
    /// `DELEGATION_WATCH_EXTERNAL_ID` without any role.
    #[error(
        "DELEGATION_WATCH_EXTERNAL_ID is set without DELEGATION_WATCH_ROLES. Set \
         DELEGATION_WATCH_ROLES, or remove it."
    )]
    ExternalIdWithoutRole,
    /// `DELEGATION_WATCH_ACCEPTED`.
    #[error("DELEGATION_WATCH_ACCEPTED: {0}.")]
    Accepted(#[from] AcceptedError),
}

impl Settings {
    /// Reads the settings. `get` returns the value of an environment variable.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let config = Config::read(&get);
        if let Some(problem) = config.problem {
            return Err(SettingsError::Common(problem));
        }
        let variable = |name: &str| config::non_blank(&get, name);
        let external_id = variable("DELEGATION_WATCH_EXTERNAL_ID")
            .map(|text| ExternalId::parse(text.trim()).ok_or(SettingsError::ExternalId))
            .transpose()?;
        let arns = variable("DELEGATION_WATCH_ROLES")
            .map(|text| arns(&text))
            .transpose()?
            .unwrap_or_default();
        if arns.is_empty() && external_id.is_some() {
            return Err(SettingsError::ExternalIdWithoutRole);
        }
        let role =
            |arn| Role { arn, through: None, external_id: external_id.clone(), region: None };
        let accepted =
            variable("DELEGATION_WATCH_ACCEPTED").map(|text| Accepted::parse(&text)).transpose()?;
        Ok(Self {
            roles: arns.into_iter().map(role).collect(),
            accepted: accepted.unwrap_or_default(),
            dns_resolver: config.dns_resolver,
            dns_any_address: config.dns_any_address,
        })
    }

    /// The sources of delegations to check.
    pub(super) fn sources(&self) -> Vec<Source> {
        let source = |role| Source { role, zone: None };
        match self.roles.as_slice() {
            [] => vec![source(None)],
            roles => roles.iter().cloned().map(Some).map(source).collect(),
        }
    }
}

fn arns(text: &str) -> Result<Vec<RoleArn>, SettingsError> {
    let arns = config::list(text)
        .enumerate()
        .map(|(index, item)| item.parse().map_err(|_| SettingsError::Role(index + 1)));
    let arns: Vec<RoleArn> = arns.collect::<Result<_, _>>()?;
    let mut accounts = BTreeSet::new();
    match arns.iter().find(|arn| !accounts.insert(arn.account())) {
        Some(arn) => Err(SettingsError::TwoRoles(arn.account().to_owned())),
        None => Ok(arns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: &str = "arn:aws:iam::111111111111:role/a, arn:aws:iam::222222222222:role/b,";

    fn read(settings: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let find = |name: &str| settings.iter().find(|(known, _)| *known == name);
        Settings::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_settings_the_watch_reads_its_own_account() {
        for settings in
            [vec![], vec![("DELEGATION_WATCH_ROLES", " "), ("DELEGATION_WATCH_EXTERNAL_ID", "")]]
        {
            let settings = read(&settings).unwrap();
            let sources = settings.sources();
            assert!(sources.len() == 1 && sources[0].role.is_none() && sources[0].zone.is_none());
            assert_eq!(settings.accepted.iter().count(), 0);
        }
    }

    #[test]
    fn every_role_has_the_external_id() {
        let accepted = r#"[
            {"name": "a.example.com", "finding": "lame", "reason": "known", "until": "2027-01-31"}
        ]"#;
        let settings = read(&[
            ("DELEGATION_WATCH_ROLES", ROLES),
            ("DELEGATION_WATCH_EXTERNAL_ID", " an-external-id "),
            ("DELEGATION_WATCH_ACCEPTED", accepted),
        ])
        .unwrap();
        let roles: Vec<(&str, &str)> = settings
            .roles
            .iter()
            .map(|role| (role.arn.account(), role.external_id.as_ref().unwrap().expose()))
            .collect();
        assert_eq!(roles, [("111111111111", "an-external-id"), ("222222222222", "an-external-id")]);
        assert_eq!(settings.accepted.iter().count(), 1);
        assert!(!format!("{settings:?}").contains("an-external-id"));
    }

    #[test]
    fn every_invalid_setting_has_a_message_without_secrets() {
        let two = format!("{ROLES} arn:aws:iam::222222222222:role/c");
        for (settings, words) in [
            (
                vec![("DELEGATION_WATCH_ROLES", "arn:aws:iam::111111111111:role/a,the-secret")],
                "ROLES: item 2 must be",
            ),
            (
                vec![("DELEGATION_WATCH_ROLES", two.as_str())],
                "two roles of the account 222222222222",
            ),
            (
                vec![("DELEGATION_WATCH_EXTERNAL_ID", "the-secret")],
                "without DELEGATION_WATCH_ROLES",
            ),
            (
                vec![
                    ("DELEGATION_WATCH_ROLES", ROLES),
                    ("DELEGATION_WATCH_EXTERNAL_ID", "the secret"),
                ],
                "EXTERNAL_ID must have 2 to 1224",
            ),
            (
                vec![("DELEGATION_WATCH_ACCEPTED", "[{}]")],
                "ACCEPTED: item 1 needs a string \"name\"",
            ),
            (vec![("DELEGATION_WATCH_ACCEPTED", "{")], "ACCEPTED: it is not JSON"),
            (
                vec![("DELEGATION_DNS_RESOLVER", "192.0.2.53")],
                "DELEGATION_DNS_RESOLVER \"192.0.2.53\" must be",
            ),
        ] {
            let message = read(&settings).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
