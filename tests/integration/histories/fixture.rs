//! The accounts, roles, parent zones, child zones and functions of one history.

use std::collections::BTreeSet;
use std::time::Duration;

use custom_delegation::handler::Handler;
use sandbox::{KeySigningKey, RecordSet, Sandbox, ZoneHandle};
use serde_json::{Value, json};
use test_support::{Network, trust_policy};

use crate::histories::history::{
    CHILD_ACCOUNTS, CHILDREN, DeclaredResource, KEYS, NAMES, PARENT_ACCOUNTS, PARENTS, Parent,
};

pub(crate) const VANITY: [&str; 2] = ["ns1.vanity.net", "ns2.vanity.net"];
/// The records that a child zone may have.
const CHILD_RECORDS: [(&str, &str, &str); 4] = [
    ("www.", "A", "192.0.2.7"),
    ("*.", "A", "192.0.2.8"),
    ("mail.", "CNAME", "mail.example.net"),
    ("", "MX", "5 mx"),
];

pub(crate) type Servers = BTreeSet<String>;

#[derive(Clone)]
pub(crate) struct Zone {
    pub(crate) handle: ZoneHandle,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) account: usize,
    pub(crate) servers: Servers,
}

#[derive(Clone)]
pub(crate) struct MultiAccountFixture {
    pub(crate) parents: Vec<Zone>,
    pub(crate) children: Vec<Zone>,
    roles: Vec<String>,
}

/// A delegation point: an index into the parent zones, and the child's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) zone: usize,
    pub(crate) name: String,
}

impl Point {
    /// Returns the name of the ownership record.
    pub(crate) fn record(&self) -> String {
        format!("_delegation-{}", self.name)
    }
}

/// The parsed properties of a request.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the properties are independent")]
pub(crate) struct Desired {
    /// An index into the child zones.
    pub(crate) child: usize,
    pub(crate) name: String,
    pub(crate) servers: Servers,
    /// True if they come from `NameServers`, not from the child zone.
    pub(crate) given: bool,
    pub(crate) ttl: u32,
    pub(crate) overwrite: bool,
    pub(crate) occlusion: bool,
    pub(crate) dnssec: bool,
    /// `KeySigningKeys`.
    pub(crate) keys: Option<Vec<String>>,
    pub(crate) ds_ttl: u32,
    pub(crate) parent: Parent,
}

impl MultiAccountFixture {
    pub(crate) fn new(aws: &Sandbox, child_records: u16) -> Self {
        let zone = |account: usize, id: &str, name: &str| {
            let handle = aws.account(id).hosted_zone(name);
            let servers = handle.name_servers().into_iter().collect();
            Zone { id: handle.id(), name: name.to_owned(), account, servers, handle }
        };
        let parents =
            PARENTS.map(|(account, name)| zone(account, PARENT_ACCOUNTS[account], name)).to_vec();
        let children = CHILDREN
            .map(|(account, name)| zone(account, CHILD_ACCOUNTS[account], NAMES[name]))
            .to_vec();
        let roles = PARENT_ACCOUNTS.map(|account| {
            let role = aws.account(account).role("parent");
            let role = role.trust(trust_policy(&CHILD_ACCOUNTS, None));
            role.without_policies().allow_all_route53().arn()
        });
        for (index, child) in children.iter().enumerate() {
            for (bit, (label, rtype, value)) in CHILD_RECORDS.iter().enumerate() {
                if child_records >> ((index * 3 + bit * 5) % 16) & 1 == 1 {
                    child.handle.put(RecordSet::new(
                        &format!("{label}{}", child.name),
                        rtype,
                        60,
                        [*value],
                    ));
                }
            }
        }
        Self { parents, children, roles: roles.to_vec() }
    }

    /// Creates the function of a child account.
    pub(crate) async fn function(&self, network: &Network, account: usize) -> Handler {
        let role = network.aws.account(CHILD_ACCOUNTS[account]).role("function").without_policies();
        let credentials = role.allow_all_route53().allow_assume("*").credentials();
        network
            .function("delegation", credentials, |config| config.propagation_wait = Duration::ZERO)
            .await
    }

    pub(crate) fn properties(&self, declared: &DeclaredResource) -> Value {
        let mut properties = json!({
            "ChildZoneId": self.children[declared.child].id,
            "TTL": declared.ttl,
            "Verification": "NONE",
            "Trigger": declared.trigger,
        });
        let account = match declared.parent {
            Parent::Id(zone) => {
                properties["ParentZoneId"] = json!(self.parents[zone].id);
                PARENTS[zone].0
            }
            Parent::Name(zone) => {
                properties["ParentZoneName"] = json!(self.parents[zone].name);
                PARENTS[zone].0
            }
            Parent::Closest(account) => account,
        };
        properties["ParentRoleArn"] = json!(self.roles[account]);
        if declared.overwrite {
            properties["AllowOverwrite"] = json!(true);
        }
        if declared.occlusion {
            properties["AllowOcclusion"] = json!(true);
        }
        if declared.dnssec {
            properties["Dnssec"] = json!(true);
            properties["DsTTL"] = json!(declared.ds_ttl);
        }
        // Without Dnssec they have no effect.
        if let Some(keys) = declared.keys {
            properties["KeySigningKeys"] = json!(named(keys));
        }
        if declared.vanity {
            properties["NameServers"] = json!(VANITY);
        }
        properties
    }

    /// Parses the properties of an event: the inverse of [`MultiAccountFixture::properties`].
    pub(crate) fn parse(&self, properties: &Value) -> Option<Desired> {
        let text = |key: &str| properties[key].as_str();
        let child =
            self.children.iter().position(|zone| Some(zone.id.as_str()) == text("ChildZoneId"))?;
        let account =
            self.roles.iter().position(|role| Some(role.as_str()) == text("ParentRoleArn"))?;
        let parent = match (text("ParentZoneId"), text("ParentZoneName")) {
            (Some(id), _) => Parent::Id(self.parents.iter().position(|zone| zone.id == id)?),
            (None, Some(name)) => Parent::Name(self.named(account, name)?),
            (None, None) => Parent::Closest(account),
        };
        let list = |key: &str| {
            let values = properties[key].as_array()?;
            Some(
                values.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<String>>(),
            )
        };
        let given: Option<Servers> =
            list("NameServers").map(|servers| servers.into_iter().collect());
        Some(Desired {
            child,
            name: self.children[child].name.clone(),
            given: given.is_some(),
            servers: given.unwrap_or_else(|| self.children[child].servers.clone()),
            ttl: text("TTL")?.parse().ok()?,
            overwrite: text("AllowOverwrite") == Some("true"),
            occlusion: text("AllowOcclusion") == Some("true"),
            dnssec: text("Dnssec") == Some("true"),
            keys: list("KeySigningKeys"),
            ds_ttl: text("DsTTL").map_or(Some(3600), |ttl| ttl.parse().ok())?,
            parent,
        })
    }

    /// Returns the point that the properties lead to, as the design describes; `None` if there is
    /// none.
    pub(crate) fn point(&self, desired: &Desired, pinned: Option<&Point>) -> Option<Point> {
        let stays = |pinned: &&Point| {
            let zone = &self.parents[pinned.zone];
            pinned.name == desired.name
                && match desired.parent {
                    Parent::Id(id) => id == pinned.zone,
                    Parent::Name(other) => {
                        zone.account == PARENTS[other].0 && zone.name == PARENTS[other].1
                    }
                    Parent::Closest(account) => zone.account == account,
                }
        };
        if let Some(pinned) = pinned.filter(stays) {
            return Some(pinned.clone());
        }
        let zone = match desired.parent {
            Parent::Id(zone) | Parent::Name(zone) => Some(zone),
            Parent::Closest(account) => {
                let mut above = desired.name.split_once('.').map(|(_, above)| above);
                std::iter::from_fn(|| {
                    let name = above?;
                    above = name.split_once('.').map(|(_, above)| above);
                    Some(name)
                })
                .find_map(|name| self.named(account, name))
            }
        };
        let zone = zone.filter(|zone| is_below(&desired.name, &self.parents[*zone].name))?;
        Some(Point { zone, name: desired.name.clone() })
    }

    /// Returns the role of a parent account.
    pub(crate) fn role(&self, account: usize) -> &str {
        &self.roles[account]
    }

    fn named(&self, account: usize, name: &str) -> Option<usize> {
        self.parents.iter().position(|zone| zone.account == account && zone.name == name)
    }

    /// Returns the point of a physical id.
    pub(crate) fn of_id(&self, physical_id: &str) -> Option<Point> {
        let (id, name) = physical_id.split_once('/')?;
        let zone = self.parents.iter().position(|zone| zone.id == id)?;
        Some(Point { zone, name: name.to_owned() })
    }
}

/// Returns the names of a set of keys.
fn named(keys: u8) -> Vec<&'static str> {
    KEYS.iter().enumerate().filter(|(bit, _)| keys >> bit & 1 == 1).map(|(_, name)| *name).collect()
}

/// Returns a set of keys of a child zone, each with its own tag and digest.
pub(crate) fn keys_of(child: usize, keys: u8) -> Vec<KeySigningKey> {
    let key = |name: &str| {
        let tag = child * 10 + KEYS.iter().position(|known| *known == name).unwrap_or_default();
        KeySigningKey::active(
            name,
            1000 + u16::try_from(tag).unwrap_or_default(),
            &format!("{tag:064}"),
        )
    };
    named(keys).into_iter().map(key).collect()
}

/// Returns a name in lower case, without its trailing dot.
pub(crate) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

pub(crate) fn is_below(name: &str, above: &str) -> bool {
    name.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'))
}
