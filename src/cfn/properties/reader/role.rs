//! Reads roles, with their external ids and their Region.

use super::{Read, Reader};
use crate::aws::partition::partition_of;
use crate::cfn::properties::PropertyError;
use crate::error::Code;
use delegation_model::ids::RoleArn;
use delegation_model::role::{ExternalId, RegionName, Role};
use delegation_model::text::{hidden_character, may_have_secret, quoted_word};

impl Reader<'_> {
    /// Reads a role, or a chain of two roles of which the first assumes the second, and the
    /// external id for the last role. No message repeats their values: somebody may have put the
    /// external id into the wrong property. The role has no Region.
    pub(in crate::cfn::properties) fn role(&self, arn_key: &str, id_key: &str) -> Read<Role> {
        let mut arns = self.role_arns(arn_key)?;
        let external_id = self.external_id(id_key)?;
        match (arns.pop(), external_id) {
            (None, Some(_)) => {
                let message = format!(
                    "{id_key} is set without {arn_key}. Set {arn_key}, or remove {id_key}."
                );
                Err(PropertyError::new(Code::ExternalIdWithoutRole, message))
            }
            (None, None) => Ok(None),
            (Some(arn), external_id) => {
                Ok(Some(Role { arn, through: arns.pop(), external_id, region: None }))
            }
        }
    }

    fn role_arns(&self, key: &str) -> Result<Vec<RoleArn>, PropertyError> {
        let invalid = |message: String| PropertyError::new(Code::InvalidRoleArn, message);
        let values = self.list(key, arns_of)?.into_iter().flatten().flatten();
        // A comma may be in a role's name, or between a role and its external id, which may have
        // commas itself, or another item behind it. An external id behind one of `/`, `+`, `=`,
        // `.`, `@`, `_` and `-` can't be told from the name. Behind any other character it makes
        // the ARN invalid.
        let has_secret =
            |text: &str| text.split_once(',').is_some_and(|(_, rest)| may_have_secret(rest));
        let parse = |text: String| {
            let arn = text.parse().ok().filter(|_| !has_secret(&text));
            arn.ok_or_else(|| {
                invalid(format!(
                    "{key} must be the ARN of a role, such as arn:aws:iam::111111111111:role/name, \
                     or a list of two. Its value is not repeated here.{}",
                    hidden_character(&text)
                ))
            })
        };
        let arns: Vec<RoleArn> = values.map(parse).collect::<Result<_, _>>()?;
        if arns.len() > 2 {
            let count = arns.len();
            return Err(invalid(format!(
                "{key} lists {count} roles. Use at most two: a role that the function assumes, and \
                 the role that it assumes next."
            )));
        }
        Ok(arns)
    }

    fn external_id(&self, key: &str) -> Read<ExternalId> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        if let Some(id) = ExternalId::parse(text) {
            return Ok(Some(id));
        }
        let message = format!(
            "{key} must have 2 to 1224 characters, each a letter, a digit or one of _+=,.@:/-. Its \
             value is not repeated here.{}",
            hidden_character(text)
        );
        Err(PropertyError::new(Code::InvalidExternalId, message))
    }

    /// Reads the Region in which the roles are assumed. It must be in their partition, because
    /// another one must not get the function's session token and the external id. `roles` are the
    /// roles with the properties that they are from.
    pub(in crate::cfn::properties) fn region<'a>(
        &self,
        roles: impl Iterator<Item = (&'static str, &'a Role)>,
    ) -> Read<RegionName> {
        const KEY: &str = "AssumeRoleRegion";
        let invalid = |message| PropertyError::new(Code::InvalidRegion, message);
        let Some(text) = self.text(KEY)? else { return Ok(None) };
        let region: RegionName = text.parse().map_err(|_| {
            let value = quoted_word(text, |c| c.is_ascii_alphanumeric() || c == '-');
            let hint = hidden_character(text);
            invalid(format!(
                "{KEY} {value} must be the name of a Region, such as eu-central-1.{hint}"
            ))
        })?;
        let partition = partition_of(region.as_str());
        for (property, role) in roles {
            if let Some(arn) = role.chain().find(|arn| arn.partition() != partition) {
                return Err(invalid(format!(
                    "{KEY} {} is in the partition {partition}, but {property} has a role in {}. \
                     Use a Region of that partition, or remove {KEY}.",
                    region.as_str(),
                    arn.partition()
                )));
            }
        }
        Ok(Some(region))
    }
}

/// Splits a string of comma-separated ARNs. The name of a role may contain a comma, but no colon.
fn arns_of(text: &str) -> Vec<String> {
    let mut arns: Vec<String> = Vec::new();
    for part in text.split(',') {
        match arns.last_mut() {
            Some(last) if !part.trim_start().starts_with("arn:") => {
                last.push(',');
                last.push_str(part);
            }
            _ => arns.push(part.to_owned()),
        }
    }
    arns.into_iter().map(|arn| arn.trim().to_owned()).filter(|arn| !arn.is_empty()).collect()
}
