//! The Route 53 calls that a delegation needs, with plain values in and out.

mod convert;

use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use self::convert::{ds, is_private, name, record_set, sdk_change, size, status};
use super::credentials::unlimited;
use super::error::{AwsError, AwsErrorKind};
use delegation_model::ds::Ds;
use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::record_set::{Change, RecordSet, RecordType, batch_comment};

/// The maximum number of record sets in one page of a listing (Route 53 API Reference,
/// ListResourceRecordSets).
pub const PAGE: i32 = 300;
/// How many record sets are read at once if a whole page of them is too large.
const SMALL_PAGE: i32 = 20;

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZone {
    /// Its id.
    pub id: ZoneId,
    /// Its name.
    pub name: Name,
    /// True if only VPCs can resolve it.
    pub private: bool,
    /// The name servers of its delegation set. `None` for a private zone, and if they were not
    /// requested.
    pub name_servers: Option<NameServers>,
}

/// Whether all name servers of Route 53 have a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeStatus {
    /// All of them have it.
    Insync,
    /// Some don't have it yet.
    Pending,
}

/// A change that Route 53 accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its id, for [`Session::change_status`]. `None` if the response has none.
    pub id: Option<String>,
    /// Its status when it was accepted.
    pub status: ChangeStatus,
}

/// The signing state of a zone, and its key-signing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// The state according to Route 53: `SIGNING`, `NOT_SIGNING` and others.
    pub state: String,
    /// Route 53's explanation of the state, or empty.
    pub message: String,
    /// The key-signing keys.
    pub keys: Vec<KeySigningKey>,
}

impl Signing {
    /// True if the zone is served with signatures.
    pub fn is_signing(&self) -> bool {
        self.state == "SIGNING"
    }
}

/// A key-signing key of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySigningKey {
    /// Its name, as given when it was created.
    pub name: String,
    /// Its status: `ACTIVE`, `INACTIVE` and others.
    pub status: String,
    /// Its DS record. `None` if the response has none, or an incomplete one.
    pub ds: Option<Ds>,
    /// When it was created or last changed (activated, for instance), in seconds since 1970. `None`
    /// if the response has no date.
    pub changed: Option<i64>,
}

/// One page of a listing of record sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The record sets, in Route 53's order.
    ///
    /// Not those whose name is no DNS name. Route 53 accepts names that are a byte too long, and
    /// others may be able to write them. No query reaches such a record set, so no delegation hides
    /// it.
    pub sets: Vec<RecordSet>,
    /// The name at which the listing continues, if it does. The last of `sets` may have the same
    /// name. Where the next name is no DNS name, this is the last name before it.
    pub next: Option<Name>,
}

/// A Route 53 client with the permissions of one identity.
#[derive(Debug)]
pub struct Session {
    client: Client,
    /// Whose permissions these are, if no role was assumed.
    caller: Option<&'static str>,
}

impl Session {
    pub(super) fn new(config: &SdkConfig, caller: Option<&'static str>) -> Self {
        let config =
            aws_sdk_route53::config::Builder::from(config).retry_partition(unlimited("route53"));
        Self { client: Client::from_conf(config.build()), caller }
    }

    fn error<E>(&self, action: &str, error: &SdkError<E, HttpResponse>) -> AwsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        AwsError::from_sdk(action, error, &[]).with_caller(self.caller)
    }

    /// Calls `GetHostedZone`.
    pub async fn hosted_zone(&self, id: &ZoneId) -> Result<HostedZone, AwsError> {
        const ACTION: &str = "Route 53 GetHostedZone";
        let answer = self.client.get_hosted_zone().id(id.as_str()).send().await;
        let answer = answer.map_err(|error| self.error(ACTION, &error))?;
        let zone = answer
            .hosted_zone()
            .ok_or_else(|| AwsError::unreadable(ACTION, "the response has no zone".into()))?;
        let name_servers =
            answer.delegation_set().and_then(|set| NameServers::from_values(set.name_servers()));
        Ok(HostedZone {
            id: id.clone(),
            name: name(ACTION, zone.name())?,
            private: is_private(zone),
            name_servers,
        })
    }

    /// Calls `ListHostedZonesByName` and returns the ids of the public zones with exactly this
    /// name.
    pub(crate) async fn public_zones(&self, zone_name: &Name) -> Result<Vec<ZoneId>, AwsError> {
        const ACTION: &str = "Route 53 ListHostedZonesByName";
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let call = self
                .client
                .list_hosted_zones_by_name()
                .dns_name(zone_name.fqdn())
                .set_hosted_zone_id(next);
            let page = call.send().await.map_err(|error| self.error(ACTION, &error))?;
            for zone in page.hosted_zones() {
                if name(ACTION, zone.name()).ok().as_ref() != Some(zone_name) {
                    return Ok(found);
                }
                if !is_private(zone) {
                    let id = zone.id().parse();
                    found.push(id.map_err(|_| {
                        AwsError::unreadable(
                            ACTION,
                            format!("the response has the zone id {:?}", zone.id()),
                        )
                    })?);
                }
            }
            // The listing continues with zones of this name only if the next zone has this name.
            let same = page
                .next_dns_name()
                .and_then(|next| next.parse().ok())
                .is_some_and(|next: Name| next == *zone_name);
            next = page
                .next_hosted_zone_id()
                .map(|id| id.trim_start_matches("/hostedzone/").to_owned());
            if !page.is_truncated() || !same || next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Calls `ListResourceRecordSets` for one page from `start` (a name, and optionally a type) on,
    /// in Route 53's order. The page is shorter if its record sets are too large.
    pub async fn record_sets(
        &self,
        zone: &ZoneId,
        start: Option<(&Name, Option<&RecordType>)>,
        max: i32,
    ) -> Result<Page, AwsError> {
        match self.page(zone, start, max).await {
            Err(error) if error.kind == AwsErrorKind::TooLarge => {
                self.page(zone, start, max.min(SMALL_PAGE)).await
            }
            page => page,
        }
    }

    async fn page(
        &self,
        zone: &ZoneId,
        start: Option<(&Name, Option<&RecordType>)>,
        max: i32,
    ) -> Result<Page, AwsError> {
        const ACTION: &str = "Route 53 ListResourceRecordSets";
        let mut call =
            self.client.list_resource_record_sets().hosted_zone_id(zone.as_str()).max_items(max);
        if let Some((name, record_type)) = start {
            call = call.start_record_name(name.fqdn()).set_start_record_type(
                record_type.map(|record_type| types::RrType::from(record_type.as_str())),
            );
        }
        let page = call.send().await.map_err(|error| self.error(ACTION, &error))?;
        let sets: Vec<_> = page.resource_record_sets().iter().filter_map(record_set).collect();
        let last = || sets.last().map(|set| &set.name).or(start.map(|(name, _)| name)).cloned();
        let next = page.next_record_name().filter(|_| page.is_truncated());
        let next = next.and_then(|next| next.parse().ok().or_else(last));
        Ok(Page { sets, next })
    }

    /// Calls `ListHostedZones` and returns every public zone of the account, without name servers.
    /// A zone whose name is no DNS name is left out: no query reaches it. Awaits `turn` before each
    /// call.
    pub(crate) async fn every_public_zone(
        &self,
        turn: impl AsyncFn(),
    ) -> Result<Vec<HostedZone>, AwsError> {
        const ACTION: &str = "Route 53 ListHostedZones";
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            turn().await;
            let page = self.client.list_hosted_zones().set_marker(marker).send().await;
            let page = page.map_err(|error| self.error(ACTION, &error))?;
            for zone in page.hosted_zones().iter().filter(|zone| !is_private(zone)) {
                let Ok(name) = name(ACTION, zone.name()) else { continue };
                let id = zone.id().parse();
                let id = id.map_err(|_| {
                    AwsError::unreadable(
                        ACTION,
                        format!("the response has the zone id {:?}", zone.id()),
                    )
                })?;
                found.push(HostedZone { id, name, private: false, name_servers: None });
            }
            marker = page.next_marker().filter(|_| page.is_truncated()).map(str::to_owned);
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// Calls `ListResourceRecordSets` and returns those record sets of the whole zone for which
    /// `keep` holds, in Route 53's order and without those that [`Page::sets`] leaves out. `None`
    /// if they take more than `most` bytes of memory. Awaits `turn` before each call.
    pub(crate) async fn whole_zone(
        &self,
        zone: &ZoneId,
        keep: impl Fn(&RecordSet) -> bool,
        most: usize,
        turn: impl AsyncFn(),
    ) -> Result<Option<Vec<RecordSet>>, AwsError> {
        const ACTION: &str = "Route 53 ListResourceRecordSets";
        let list = || {
            self.client.list_resource_record_sets().hosted_zone_id(zone.as_str()).max_items(PAGE)
        };
        let (mut kept, mut bytes, mut call) = (Vec::new(), 0, list());
        loop {
            turn().await;
            let small = call.clone().max_items(SMALL_PAGE);
            let page = match call.send().await.map_err(|error| self.error(ACTION, &error)) {
                Err(error) if error.kind == AwsErrorKind::TooLarge => {
                    turn().await;
                    small.send().await.map_err(|error| self.error(ACTION, &error))?
                }
                page => page?,
            };
            for set in page.resource_record_sets() {
                if let Some(set) = record_set(set).filter(|set| keep(set)) {
                    bytes += size(&set);
                    if bytes > most {
                        return Ok(None);
                    }
                    kept.push(set);
                }
            }
            if !page.is_truncated() {
                return Ok(Some(kept));
            }
            // A position in the listing is a name, a type and an identifier: one name may have more
            // record sets than fit on a page.
            call = list()
                .set_start_record_name(page.next_record_name)
                .set_start_record_type(page.next_record_type)
                .set_start_record_identifier(page.next_record_identifier);
        }
    }

    /// Returns the record set with this name and type, if there is one.
    pub async fn record_set(
        &self,
        zone: &ZoneId,
        name: &Name,
        record_type: &RecordType,
    ) -> Result<Option<RecordSet>, AwsError> {
        let page = self.record_sets(zone, Some((name, Some(record_type))), 1).await?;
        Ok(page
            .sets
            .into_iter()
            .next()
            .filter(|set| set.name == *name && set.record_type == *record_type))
    }

    /// Calls `ChangeResourceRecordSets`: makes all changes, or none.
    pub async fn change(
        &self,
        zone: &ZoneId,
        comment: &str,
        changes: &[Change],
    ) -> Result<Submitted, AwsError> {
        const ACTION: &str = "Route 53 ChangeResourceRecordSets";
        let unbuilt = |error: aws_smithy_types::error::operation::BuildError| {
            AwsError::unreadable(ACTION, error.to_string())
        };
        let mut batch = types::ChangeBatch::builder().comment(batch_comment(comment));
        for change in changes {
            batch = batch.changes(sdk_change(change).map_err(unbuilt)?);
        }
        let batch = batch.build().map_err(unbuilt)?;
        let call = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone.as_str())
            .change_batch(batch);
        let answer = call.send().await.map_err(|error| {
            let messages = match error.as_service_error() {
                Some(ChangeResourceRecordSetsError::InvalidChangeBatch(error)) => {
                    error.messages().to_vec()
                }
                _ => Vec::new(),
            };
            AwsError::from_sdk(ACTION, &error, &messages).with_caller(self.caller)
        })?;
        let info = answer.change_info();
        let id = info
            .map(|info| info.id().trim_start_matches("/change/").to_owned())
            .filter(|id| !id.is_empty());
        Ok(Submitted { id, status: status(info) })
    }

    /// Calls `GetChange`: reads whether all name servers have a change.
    pub async fn change_status(&self, id: &str) -> Result<ChangeStatus, AwsError> {
        let answer = self.client.get_change().id(id).send().await;
        Ok(status(answer.map_err(|error| self.error("Route 53 GetChange", &error))?.change_info()))
    }

    /// Calls `GetDNSSEC`: reads whether a zone is signed, and its keys.
    pub async fn signing(&self, zone: &ZoneId) -> Result<Signing, AwsError> {
        let answer = self.client.get_dnssec().hosted_zone_id(zone.as_str()).send().await;
        let answer = answer.map_err(|error| self.error("Route 53 GetDNSSEC", &error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let keys = answer.key_signing_keys().iter().map(|key| KeySigningKey {
            name: text(key.name()),
            status: text(key.status()),
            ds: ds(key),
            changed: key.created_date().max(key.last_modified_date()).map(DateTime::secs),
        });
        Ok(Signing {
            state: text(answer.status().and_then(types::DnssecStatus::serve_signature)),
            message: text(answer.status().and_then(types::DnssecStatus::status_message)),
            keys: keys.collect(),
        })
    }
}
