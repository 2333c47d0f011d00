//! The pre-signed URL on which CloudFormation waits for the response. It is a bearer secret.

use std::fmt;

use time::PrimitiveDateTime;
use time::macros::format_description;
use url::Url;

/// The response URL. Anybody who has it can respond for the stack, so neither `Debug` nor any error
/// shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(Url);

/// The hosts of response URLs that are accepted.
#[derive(Clone, Copy, Debug)]
pub struct AcceptedHosts<'a> {
    /// The Region that the function runs in. `None` if it is unknown.
    pub region: Option<&'a str>,
    /// Further hosts for local use, as `host` or `host:port`. They may use http.
    pub local_hosts: &'a [String],
}

/// Why a string is not an acceptable response URL. No message repeats the string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseUrlError {
    /// It does not parse.
    #[error("ResponseURL is not a URL. The event did not come from CloudFormation.")]
    Malformed,
    /// It is not https.
    #[error(
        "ResponseURL is not https. The event did not come from CloudFormation. For local use, add \
         the host to DELEGATION_RESPONSE_HOSTS."
    )]
    Scheme,
    /// The function does not know its Region.
    #[error(
        "The function does not know its Region, so it can't recognize CloudFormation's response \
         bucket. Set AWS_REGION. For local use, add the host to DELEGATION_RESPONSE_HOSTS."
    )]
    NoRegion,
    /// The stack is in another Region than the function, or its id has no Region.
    #[error(
        "StackId is not in the Region of this function, {0}. CloudFormation only invokes functions \
         in its own Region, so the event did not come from it."
    )]
    Region(String),
    /// It does not point to CloudFormation's response bucket in the Region.
    #[error(
        "ResponseURL does not point to {0}, CloudFormation's response bucket in this Region. The \
         event did not come from CloudFormation. For local use, add the host to \
         DELEGATION_RESPONSE_HOSTS."
    )]
    Host(String),
}

/// The start of the name of CloudFormation's response bucket. The Region without hyphens follows.
/// Anybody can own a bucket whose name starts like this.
const BUCKET: &str = "cloudformation-custom-resource-response-";

/// How long CloudFormation's response URLs are valid, in seconds: the difference between SigV2's
/// `Expires` and the time of signing.
const SIGNED_FOR: i64 = 7200;

impl ResponseUrl {
    /// Accepts an https URL of CloudFormation's response bucket in the Region of the stack, which
    /// must be the function's Region. Also accepts any URL whose `host` or `host:port` is a local
    /// one.
    ///
    /// # Errors
    /// For any other URL.
    pub fn parse(
        text: &str,
        stack_id: &str,
        accepted: AcceptedHosts<'_>,
    ) -> Result<Self, ResponseUrlError> {
        let url = Url::parse(text).map_err(|_| ResponseUrlError::Malformed)?;
        let host = url.host_str().ok_or(ResponseUrlError::Malformed)?;
        let host_and_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        let local =
            accepted.local_hosts.iter().any(|local| *local == host || *local == host_and_port);
        let plain = url.username().is_empty() && url.password().is_none();
        if local && plain && matches!(url.scheme(), "http" | "https") {
            return Ok(Self(url));
        }
        if url.scheme() != "https" {
            return Err(ResponseUrlError::Scheme);
        }
        let here = accepted.region.ok_or(ResponseUrlError::NoRegion)?;
        let region = region_of_stack(stack_id).filter(|region| *region == here);
        let region = region.ok_or_else(|| ResponseUrlError::Region(here.to_owned()))?;
        if plain && url.port().is_none() && is_response_bucket(host, region) {
            Ok(Self(url))
        } else {
            Err(ResponseUrlError::Host(format!("{BUCKET}{}", region.replace('-', ""))))
        }
    }

    /// The URL. Only to be used for sending the response.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// When the URL was signed, in seconds since 1970: `X-Amz-Date` (SigV4), or two hours before
    /// `Expires` (SigV2).
    pub fn signed_at(&self) -> Option<i64> {
        let query =
            |key: &str| self.0.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value);
        if let Some(date) = query("X-Amz-Date") {
            let form = format_description!("[year][month][day]T[hour][minute][second]Z");
            return PrimitiveDateTime::parse(&date, form)
                .ok()
                .map(|date| date.assume_utc().unix_timestamp());
        }
        query("Expires")?.parse::<i64>().ok()?.checked_sub(SIGNED_FOR)
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(…)")
    }
}

/// The Region in `arn:aws:cloudformation:<region>:<account>:stack/...`.
fn region_of_stack(stack_id: &str) -> Option<&str> {
    let mut parts = stack_id.split(':');
    let fits = parts.next() == Some("arn")
        && parts.next().is_some()
        && parts.next() == Some("cloudformation");
    parts.next().filter(|_| fits)
}

/// The DNS suffix of the partition of a Region (AWS SDKs, `partitions.json`).
fn dns_suffix(region: &str) -> &'static str {
    const SUFFIXES: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ];
    SUFFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// The Regions whose S3 endpoints also have the form `s3-<region>` (AWS General Reference, "Amazon
/// S3 endpoints and quotas"). Newer Regions don't have it.
const DASHED: [&str; 15] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "sa-east-1",
    "us-east-2",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
    "us-east-1",
];

/// True for the host of CloudFormation's response bucket in a Region, at one of the S3 endpoints of
/// this Region. CloudFormation always has the bucket in the host, never in the path.
fn is_response_bucket(host: &str, region: &str) -> bool {
    let bucket = format!("{BUCKET}{}.", region.replace('-', ""));
    let suffix = format!(".{}", dns_suffix(region));
    let Some(endpoint) = host.strip_prefix(&bucket).and_then(|rest| rest.strip_suffix(&suffix))
    else {
        return false;
    };
    let in_partition_aws = suffix == ".amazonaws.com" && !region.starts_with("us-gov-");
    let has_fips =
        suffix == ".amazonaws.com" && ["us-", "ca-"].iter().any(|area| region.starts_with(area));
    let labels: Vec<&str> = endpoint.split('.').collect();
    match labels.as_slice() {
        // The endpoint without a Region only exists in the partition `aws`, for buckets of every
        // Region.
        ["s3"] => in_partition_aws,
        [dashed] => dashed.strip_prefix("s3-") == Some(region) && DASHED.contains(&region),
        ["s3", of] | ["s3", "dualstack", of] => *of == region,
        ["s3-fips", of] | ["s3-fips", "dualstack", of] => *of == region && has_fips,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
