//! AWS identifiers: hosted zones, key-signing keys and roles.

use std::fmt;
use std::str::FromStr;

/// The id of a hosted zone, without `/hostedzone/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(String);

impl ZoneId {
    /// Returns the id alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if the id has the form of all that Route 53 has given out: `Z`, and 1 to 31
    /// upper-case letters and digits. Its API documents only the length, so an id in a response is
    /// accepted in any form. What a user specifies must have this form, because messages repeat it.
    pub fn has_usual_form(&self) -> bool {
        let rest = self.0.strip_prefix('Z').unwrap_or_default();
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    }
}

impl FromStr for ZoneId {
    type Err = IdError;

    /// Accepts the id, 1 to 32 letters and digits (Route 53 API Reference, `HostedZone`), with or
    /// without `/hostedzone/` or `hostedzone/` before it, and the zone's ARN.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let resource = match text.strip_prefix("arn:") {
            Some(arn) => {
                let (partition, resource) = arn.split_once(":route53:::").ok_or(IdError::Zone)?;
                if !is_partition(partition) || !resource.starts_with("hostedzone/") {
                    return Err(IdError::Zone);
                }
                resource
            }
            None => text
                .strip_prefix('/')
                .filter(|rest| rest.starts_with("hostedzone/"))
                .unwrap_or(text),
        };
        let id = resource.strip_prefix("hostedzone/").unwrap_or(resource);
        let fits =
            (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(id.to_owned())) } else { Err(IdError::Zone) }
    }
}

impl fmt::Display for ZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a key-signing key of a hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Returns the name alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = IdError;

    /// Accepts the name alone, 3 to 128 letters, digits and underscores (Route 53 API Reference,
    /// `CreateKeySigningKey`), or `<zone id>|<name>`, which `Ref` returns for an
    /// `AWS::Route53::KeySigningKey`.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let name = match text.split_once('|') {
            Some((zone, name)) => {
                let zone = zone.parse::<ZoneId>().ok().filter(ZoneId::has_usual_form);
                zone.map(|_| name).ok_or(IdError::Key)?
            }
            None => text,
        };
        let fits = (3..=128).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if fits { Ok(Self(name.to_owned())) } else { Err(IdError::Key) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ARN of an IAM role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn {
    text: String,
    partition: String,
}

impl RoleArn {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the partition, for example `aws`.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// Returns the account of the role: twelve digits.
    pub fn account(&self) -> &str {
        self.text.split(':').nth(4).unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = IdError;

    /// Accepts `arn:<partition>:iam::<12 digits>:role/<path and name>`, 20 to 2048 bytes (STS API
    /// Reference, `AssumeRole`).
    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (arn, partition, service, region, account, resource) =
            (part(), part(), part(), part(), part(), part());
        let name = resource.strip_prefix("role/").unwrap_or_default();
        let fits = text.len() <= 2048
            && arn == "arn"
            && is_partition(partition)
            && service == "iam"
            && region.is_empty()
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && !name.is_empty()
            && !name.ends_with('/')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+=,.@_-".contains(&byte));
        if fits {
            Ok(Self { text: text.to_owned(), partition: partition.to_owned() })
        } else {
            Err(IdError::Role)
        }
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_partition(text: &str) -> bool {
    (text == "aws" || text.starts_with("aws-"))
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Returns the partition of an ARN, for example `aws`; `None` if the text is no ARN.
pub fn partition_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split_once(':').map(|(partition, _)| partition)
}

/// The error for a text that is not a valid identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error(
        "the id of a hosted zone has 1 to 32 letters and digits, such as Z0123456789ABCDEFGHIJ"
    )]
    Zone,
    #[error("the ARN of a role has the form arn:aws:iam::111111111111:role/name")]
    Role,
    /// Not the name of a key-signing key.
    #[error("the name of a key-signing key has 3 to 128 letters, digits and underscores")]
    Key,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids_with_and_without_prefix() {
        for same in [
            "/hostedzone/Z1",
            "hostedzone/Z1",
            "arn:aws:route53:::hostedzone/Z1",
            "arn:aws-cn:route53:::hostedzone/Z1",
        ] {
            assert_eq!(same.parse::<ZoneId>(), "Z1".parse(), "{same}");
        }
        for bad in [
            "",
            "/hostedzone/",
            "//hostedzone/Z1",
            "/Z1",
            "hostedzone/hostedzone/Z1",
            "Z-1",
            "Z1/x",
            "Z 1",
            "arn:aws:route53:::Z1",
            "arn:aws:route53:::healthcheck/Z1",
            "arn:aws:route53:::/hostedzone/Z1",
            "arn:gcp:route53:::hostedzone/Z1",
            "arn:aws:route53:us-east-1:111111111111:hostedzone/Z1",
            &"Z".repeat(33),
        ] {
            assert_eq!(bad.parse::<ZoneId>(), Err(IdError::Zone), "{bad:?}");
        }
    }

    #[test]
    fn the_usual_form_of_a_zone_id() {
        let longest = format!("Z{}", "0".repeat(31));
        for usual in ["Z1", "Z0123456789ABCDEFGHIJ", "ZAB", "/hostedzone/Z2", &longest] {
            assert!(usual.parse::<ZoneId>().unwrap().has_usual_form(), "{usual}");
        }
        for other in ["Z", "1Z", "z1", "Z1a", "ABC123", "s3cretS3CRETs3cret"] {
            assert!(!other.parse::<ZoneId>().unwrap().has_usual_form(), "{other}");
        }
    }

    #[test]
    fn key_names_alone_and_as_ref_returns_them() {
        assert_eq!("Z1|key_1".parse::<KeyName>(), "key_1".parse());
        let name: KeyName = "Z1|key_1".parse().unwrap();
        assert_eq!((name.as_str(), name.to_string().as_str()), ("key_1", "key_1"));
        for bad in
            ["", "ab", "a-b", "|key", "Z-1|key", "z1|key", "Z1|", "Z1|key|x", &"k".repeat(129)]
        {
            assert_eq!(bad.parse::<KeyName>(), Err(IdError::Key), "{bad:?}");
        }
    }

    #[test]
    fn role_arns() {
        for good in [
            "arn:aws:iam::111111111111:role/r",
            "arn:aws-cn:iam::111111111111:role/path/to/r",
            "arn:aws-us-gov:iam::111111111111:role/a+=,.@_-",
        ] {
            assert_eq!(good.parse::<RoleArn>().unwrap().to_string(), good);
        }
        let text = "arn:aws-cn:iam::111111111111:role/r";
        let role: RoleArn = text.parse().unwrap();
        assert_eq!(
            (role.partition(), role.account(), role.as_str()),
            ("aws-cn", "111111111111", text)
        );
        assert_eq!(partition_of(text), Some("aws-cn"));
        assert_eq!((partition_of("arn:aws"), partition_of("x:aws:iam")), (None, None));
        let long = format!("arn:aws:iam::111111111111:role/{}", "r".repeat(2048));
        for bad in [
            "",
            "role/r",
            "arn:aws:iam::111111111111:user/r",
            "arn:aws:iam::111111111111:role/",
            "arn:aws:iam::111111111111:role/path/",
            "arn:aws:iam::11111111111:role/r",
            "arn:aws:iam::11111111111x:role/r",
            "arn:aws:iam:us-east-1:111111111111:role/r",
            "arn:aws:sts::111111111111:role/r",
            "arn:gcp:iam::111111111111:role/r",
            "arx:aws:iam::111111111111:role/r",
            "arn:aws:iam::111111111111:role/r r",
            "arn:aws-\u{e9}:iam::111111111111:role/r",
            long.as_str(),
        ] {
            assert_eq!(bad.parse::<RoleArn>(), Err(IdError::Role), "{bad:?}");
        }
    }
}
