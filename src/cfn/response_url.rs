//! The pre-signed URL on which CloudFormation waits for its one answer: a bearer secret.

use std::fmt;

use time::PrimitiveDateTime;
use time::macros::format_description;
use url::Url;

/// The response URL. Whoever has it can answer for the stack, so neither `Debug` nor an error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(Url);

/// Why a text is no response URL; none of them repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseUrlError {
    /// It does not parse.
    #[error("ResponseURL is not a URL")]
    Malformed,
    /// It is not https.
    #[error("ResponseURL is not https")]
    Scheme,
    /// It leads elsewhere than to a response bucket of CloudFormation.
    #[error(
        "ResponseURL does not lead to a cloudformation-custom-resource-response bucket of S3 (for local use, name the \
         host in DELEGATION_RESPONSE_HOSTS)"
    )]
    Host,
}

const BUCKET: &str = "cloudformation-custom-resource-response-";

/// How long CloudFormation signs a response URL for, in seconds: what SigV2's `Expires` lies after the signing.
const SIGNED_FOR: i64 = 7200;

impl ResponseUrl {
    /// Accepts an https URL of a response bucket on an S3 host of any partition, or any URL whose `host` or `host:port`
    /// is one of `local_hosts`.
    pub fn parse(text: &str, local_hosts: &[String]) -> Result<Self, ResponseUrlError> {
        let url = Url::parse(text).map_err(|_| ResponseUrlError::Malformed)?;
        let host = url.host_str().ok_or(ResponseUrlError::Malformed)?;
        let host_and_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        let local = local_hosts.iter().any(|local| *local == host || *local == host_and_port);
        let plain = url.username().is_empty() && url.password().is_none();
        if local && plain && matches!(url.scheme(), "http" | "https") {
            return Ok(Self(url));
        }
        if url.scheme() != "https" {
            return Err(ResponseUrlError::Scheme);
        }
        let bucket_in_path = url.path_segments().and_then(|mut path| path.next()).is_some_and(is_bucket);
        let in_bucket = match host.split_once('.') {
            Some((bucket, s3)) if is_bucket(bucket) => is_s3_host(s3),
            _ => bucket_in_path && is_s3_host(host),
        };
        if in_bucket && plain && url.port().is_none() { Ok(Self(url)) } else { Err(ResponseUrlError::Host) }
    }

    /// The URL, to send the answer to and for nothing else.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// When the URL was signed, in seconds since 1970: `X-Amz-Date` (SigV4), or `Expires` less two hours (SigV2).
    pub fn signed_at(&self) -> Option<i64> {
        let query = |key: &str| self.0.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value);
        if let Some(date) = query("X-Amz-Date") {
            let form = format_description!("[year][month][day]T[hour][minute][second]Z");
            return PrimitiveDateTime::parse(&date, form).ok().map(|date| date.assume_utc().unix_timestamp());
        }
        query("Expires")?.parse::<i64>().ok()?.checked_sub(SIGNED_FOR)
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(…)")
    }
}

fn is_bucket(label: &str) -> bool {
    label.strip_prefix(BUCKET).is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

/// The DNS suffixes of AWS's partitions (AWS SDKs, `partitions.json`).
const SUFFIXES: [&str; 7] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
];

fn is_s3_host(host: &str) -> bool {
    SUFFIXES.iter().filter_map(|suffix| host.strip_suffix(suffix)).any(|service| {
        let labels: Vec<&str> = service.split('.').collect();
        match labels.as_slice() {
            ["s3"] => true,
            [one] => one.strip_prefix("s3-").is_some_and(is_region),
            ["s3" | "s3-fips", region] | ["s3" | "s3-fips", "dualstack", region] => is_region(region),
            _ => false,
        }
    })
}

/// `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else {
        return false;
    };
    let word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=4).contains(&words.len())
        && words.iter().all(word)
        && words.first().is_some_and(|area| (2..=4).contains(&area.len()))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
