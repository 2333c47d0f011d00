//! The stacks, resources and zones of every state, and what a template can ask for.

use delegation_model::digest::{Digest, Intent};
use delegation_model::ds::DsRecords;
use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::Claimant;
use delegation_model::parent::ParentZone;
use delegation_model::ttl::Ttl;

/// The one name that is delegated.
const CUT: &str = "testing.example.com";
/// The time at which every exploration starts, in seconds since 1970.
pub(crate) const START: i64 = 1_800_000_000;
/// The stack and the logical id of each resource. The index denotes the resource.
pub(crate) const RESOURCES: [(&str, &str); 3] = [("S1", "A"), ("S1", "B"), ("S2", "A")];
/// The number of stacks.
pub(crate) const STACKS: usize = 2;
/// The number of parent zones.
pub(crate) const ZONES: usize = 2;
/// The letters of name servers: `x` is `ns1.x.net`. People set `h` by hand.
pub(crate) const LETTERS: [char; 4] = ['x', 'y', 'z', 'h'];
/// The index of the letter that people set by hand.
pub(crate) const BY_HAND: u8 = 3;
/// The number of sets of keys. A set has one bit for each of the two keys of a child zone: 1, 2 or
/// 3.
pub(crate) const KEY_SETS: u8 = 4;

pub(crate) fn stack_of(resource: u8) -> u8 {
    u8::from(resource == 2)
}

pub(crate) fn resources_of(stack: u8) -> &'static [u8] {
    if stack == 0 { &[0, 1] } else { &[2] }
}

/// Returns the name of a resource, for example `S1/A`.
pub(crate) fn resource_text(resource: u8) -> String {
    let (stack, logical_id) = RESOURCES[usize::from(resource)];
    format!("{stack}/{logical_id}")
}

/// Returns the letter of name servers.
pub(crate) fn letter(servers: u8) -> char {
    LETTERS[usize::from(servers)]
}

/// Returns the letter of a parent zone: P or Q.
pub(crate) fn zone_letter(zone: u8) -> char {
    if zone == 0 { 'P' } else { 'Q' }
}

/// The properties of one resource in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The parent zone, 0 or 1.
    pub zone: u8,
    /// True if it is specified by its name. Both zones have the same name, in different accounts.
    pub by_name: bool,
    /// An index into `LETTERS`: the name servers of a child zone.
    pub servers: u8,
    /// The TTL of the NS record set.
    pub ttl: u32,
    /// `AllowOverwrite`.
    pub overwrite: bool,
    /// `Dnssec`, with a set of the child zone's keys: bits.
    pub keys: Option<u8>,
    /// `Trigger`. A different value is a different template that asks for nothing new.
    pub trigger: u8,
}

impl Config {
    /// Asks for name servers in the parent zone P, and nothing else.
    pub const fn new(servers: u8) -> Self {
        Self {
            zone: 0,
            by_name: false,
            servers,
            ttl: 172_800,
            overwrite: false,
            keys: None,
            trigger: 0,
        }
    }

    /// Changes the parent zone to the other one.
    pub const fn moved(self) -> Self {
        Self { zone: 1, ..self }
    }

    /// Specifies the parent zone by its name.
    pub const fn by_name(self) -> Self {
        Self { by_name: true, ..self }
    }

    pub const fn overwriting(self) -> Self {
        Self { overwrite: true, ..self }
    }

    /// Changes `Trigger`.
    pub const fn again(self) -> Self {
        Self { trigger: self.trigger + 1, ..self }
    }

    pub const fn ttl(self, ttl: u32) -> Self {
        Self { ttl, ..self }
    }

    pub const fn signed(self, keys: u8) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Returns a short form, for example `x@P AO`.
    pub(crate) fn text(self) -> String {
        let mut text = format!("{}@{}", letter(self.servers), zone_letter(self.zone));
        if self.by_name {
            text.push_str(" by name");
        }
        if self.ttl != 172_800 {
            text.push_str(&format!(" TTL {}", self.ttl));
        }
        if let Some(keys) = self.keys {
            text.push_str(&format!(" keys {keys}"));
        }
        if self.overwrite {
            text.push_str(" AO");
        }
        if self.trigger > 0 {
            text.push_str(&format!(" Trigger {}", self.trigger));
        }
        text
    }
}

/// Values that are parsed or hashed once.
#[derive(Debug)]
pub(crate) struct Values {
    pub(crate) cut: Name,
    pub(crate) apex: Name,
    pub(crate) zones: Vec<ZoneId>,
    pub(crate) claimants: Vec<Claimant>,
    pub(crate) servers: Vec<NameServers>,
    pub(crate) server_digests: Vec<Digest>,
    /// By letter and set of keys.
    pub(crate) ds: Vec<Vec<DsRecords>>,
}

impl Values {
    pub(crate) fn new() -> Self {
        let parse = |text: &str| {
            text.parse::<Name>().unwrap_or_else(|error| unreachable!("{text}: {error}"))
        };
        let zone = |id: &str| id.parse().unwrap_or_else(|error| unreachable!("{id}: {error:?}"));
        let cut = parse(CUT);
        let claimant = |(stack, logical_id): &(&str, &str)| {
            let arn = format!("arn:aws:cloudformation:eu-west-1:111111111111:stack/{stack}/1");
            Claimant::new(&arn, logical_id, &cut)
        };
        let servers: Vec<NameServers> = LETTERS.iter().map(|letter| servers_of(*letter)).collect();
        Self {
            apex: parse("example.com"),
            zones: vec![zone("ZP"), zone("ZQ")],
            claimants: RESOURCES.iter().map(claimant).collect(),
            server_digests: servers.iter().map(Digest::from_name_servers).collect(),
            servers,
            ds: (0..4)
                .map(|letter| (0..KEY_SETS).map(|keys| ds_of(letter, keys)).collect())
                .collect(),
            cut,
        }
    }

    /// Returns how the properties specify the parent zone.
    pub(crate) fn parent(&self, config: Config) -> ParentZone {
        if config.by_name {
            ParentZone::Name(self.apex.clone())
        } else {
            ParentZone::Id(self.zones[usize::from(config.zone)].clone())
        }
    }

    /// Returns the digest of the properties that lead to the delegation point.
    pub(crate) fn route(&self, config: Config, accounts: bool) -> Digest {
        let role =
            if accounts && config.zone == 1 { "arn:aws:iam::444444444444:role/r" } else { "r" };
        Digest::from_route(&self.parent(config), Some(role), &self.cut)
    }

    pub(crate) fn intent(&self, config: Config) -> Digest {
        let keys = config.keys.map(|keys| [format!("key_{keys}")]);
        let keys = keys.map(|keys| keys.iter().filter_map(|key| key.parse().ok()).collect());
        Digest::from_intent(&Intent {
            child_zone: None,
            name_servers: self.servers.get(usize::from(config.servers)),
            dnssec: config.keys.is_some(),
            key_signing_keys: keys.as_ref(),
        })
    }

    /// Returns the letter of a digest.
    pub(crate) fn letter_of(&self, digest: Digest) -> Option<u8> {
        let index = self.server_digests.iter().position(|known| *known == digest)?;
        u8::try_from(index).ok()
    }
}

fn servers_of(letter: char) -> NameServers {
    let names = [format!("ns1.{letter}.net.")];
    NameServers::from_values(&names).unwrap_or_else(|| unreachable!("{names:?}"))
}

/// Returns the DS records for a set of keys of one child zone. For the empty set, returns records
/// for keys of another zone.
fn ds_of(letter: u16, keys: u8) -> DsRecords {
    let records = (0..2).filter(|bit| keys == 0 || keys >> bit & 1 == 1).map(|bit| {
        let tag = 100 + 10 * letter + bit + if keys == 0 { 5 } else { 0 };
        format!("{tag} 13 2 AB").parse().unwrap_or_else(|error| unreachable!("{error}"))
    });
    DsRecords::new(records).unwrap_or_else(|| unreachable!("no records"))
}

pub(crate) fn ttl(seconds: u32) -> Ttl {
    Ttl::new(i64::from(seconds)).unwrap_or(Ttl::DELEGATION)
}
