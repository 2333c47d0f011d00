use super::*;
use crate::route53::RecordSet;

fn texts(document: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    document
        .split(&open)
        .skip(1)
        .map(|rest| rest.split(&close).next().unwrap().to_owned())
        .collect()
}

fn zone(id: &str, name: &str) -> HostedZone {
    HostedZone::new(id, "111111111111", name, vec!["ns-0.awsdns-00.com".to_owned()])
}

fn private_zone(id: &str, name: &str) -> HostedZone {
    HostedZone { private: true, ..zone(id, name) }
}

fn ask(query: &str) -> Query {
    Query::parse(query.as_bytes())
}

fn filled() -> HostedZone {
    let mut zone = zone("Z1", "example.com");
    for name in ["b", "a", "*", "x.a"] {
        zone.insert(RecordSet::new(&format!("{name}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    zone.insert(RecordSet::new("a.example.com", "TXT", 300, ["\"x\""]));
    zone
}

#[test]
fn record_sets_in_pages_of_any_size() {
    let zone = filled();
    let whole: Vec<String> =
        zone.records.values().map(|set| format!("{} {}", set.name, set.rtype)).collect();
    assert_eq!(whole.len(), 7);
    for size in 1..=8 {
        let (mut seen, mut query) = (Vec::new(), format!("maxitems={size}"));
        loop {
            let document = record_sets(&zone, &ask(&query)).unwrap().1.document();
            let names = texts(&document, "Name");
            assert!(names.len() <= size);
            seen.extend(
                names
                    .into_iter()
                    .zip(texts(&document, "Type"))
                    .map(|(name, rtype)| format!("{name} {rtype}")),
            );
            if texts(&document, "IsTruncated") == ["false"] {
                break;
            }
            let next = (
                texts(&document, "NextRecordName").remove(0),
                texts(&document, "NextRecordType").remove(0),
            );
            query = format!("maxitems={size}&name={}&type={}", next.0, next.1);
        }
        assert_eq!(seen, whole, "page size {size}");
    }
}

#[test]
fn a_start_is_not_a_filter() {
    let zone = filled();
    let document = record_sets(&zone, &ask("name=A.example.com&type=TXT")).unwrap().1.document();
    assert_eq!(texts(&document, "Name"), ["a.example.com.", "x.a.example.com.", "b.example.com."]);
    let document = record_sets(&zone, &ask("name=aa.example.com")).unwrap().1.document();
    assert_eq!(texts(&document, "Name"), ["b.example.com."]);
}

#[test]
fn bad_starts() {
    for query in ["type=NS", "name=a&identifier=x", "name=a&type=XX", "maxitems=0", "maxitems=x"] {
        assert_eq!(
            record_sets(&filled(), &ask(query)).unwrap_err().code,
            "InvalidInput",
            "{query}"
        );
    }
    assert_eq!(record_sets(&filled(), &ask("name=a..b")).unwrap_err().code, "InvalidDomainName");
    assert_eq!(
        texts(&record_sets(&filled(), &ask("maxitems=301")).unwrap().1.document(), "MaxItems"),
        ["300"]
    );
}

#[test]
fn zones_by_name_go_on_past_the_name() {
    let zones = [
        zone("Z3", "example.com"),
        private_zone("Z1", "example.com"),
        zone("Z2", "example.net"),
        zone("Z0", "example.org"),
        zone("Z9", "testing.example.com"),
    ];
    let document =
        zones_by_name(&zones, &ask("dnsname=example.com&maxitems=3")).unwrap().1.document();
    assert_eq!(texts(&document, "Id"), ["/hostedzone/Z1", "/hostedzone/Z3", "/hostedzone/Z9"]);
    assert_eq!(texts(&document, "NextDNSName"), ["example.net."]);
    assert_eq!(texts(&document, "NextHostedZoneId"), ["Z2"]);
    let document =
        zones_by_name(&zones, &ask("dnsname=example.com.&hostedzoneid=Z2")).unwrap().1.document();
    assert_eq!(
        texts(&document, "Id"),
        ["/hostedzone/Z3", "/hostedzone/Z9", "/hostedzone/Z2", "/hostedzone/Z0"]
    );
    assert!(zones_by_name(&zones, &ask("hostedzoneid=Z2")).is_err());
}

#[test]
fn zones_by_id() {
    let mut zones_: Vec<HostedZone> =
        (0..5).map(|n| zone(&format!("Z{n}"), "example.com")).collect();
    zones_[3].private = true;
    let document = zones(&zones_, &ask("maxitems=2&marker=Z1")).unwrap().1.document();
    assert_eq!(texts(&document, "Id"), ["/hostedzone/Z1", "/hostedzone/Z2"]);
    assert_eq!(texts(&document, "NextMarker"), ["Z3"]);
    let document = zones(&zones_, &ask("hostedzonetype=PrivateHostedZone")).unwrap().1.document();
    assert_eq!(texts(&document, "Id"), ["/hostedzone/Z3"]);
    assert_eq!(zones(&zones_, &ask("marker=Z7")).unwrap_err().code, "NoSuchHostedZone");
}
