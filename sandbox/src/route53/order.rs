//! The sort order of both list operations.

use super::name;

/// Returns the sort key of a name: "`ListResourceRecordSets` sorts results first by DNS name with
/// the labels reversed. For example: `com.example.www.` Note the trailing dot. In some
/// circumstances, the trailing dot changes the order" (API reference, "`ListResourceRecordSets`"
/// and "`ListHostedZonesByName`"). The key is the bytes of the reversed name with its dots, so a
/// name comes directly before the names below it, and `a-b.example.com` before `a.example.com`.
/// Probe: route53/list-order, route53/list-zones-by-name.
pub(crate) fn reversed(normalized: &str) -> Vec<u8> {
    let Ok(mut labels) = name::labels(normalized) else {
        return normalized.as_bytes().to_vec();
    };
    labels.reverse();
    labels.into_iter().fold(Vec::new(), |mut key, label| {
        key.extend(label.into_iter().map(|byte| byte.to_ascii_lowercase()));
        key.push(b'.');
        key
    })
}

#[cfg(test)]
mod tests;
