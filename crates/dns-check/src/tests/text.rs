//! Tests of the text of reports and its length, and of parsing `/etc/resolv.conf`.

use std::net::IpAddr;

use super::super::finding::{
    Family, Finding, FindingKind, Role, ServerNames, ServerState, Severity, Tags, Unresolved,
};
use super::super::report::{Chain, Report, Server, Verdict};
use super::super::resolver::Resolver;
use super::super::response::Targets;

use delegation_model::name::Name;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn good() -> Report {
    let serving = |names: &[&str]| {
        let server = |text: &&str| Server {
            name: name(text),
            state: ServerState::Serves,
            may_serve: true,
            addresses: Vec::new(),
        };
        names.iter().map(server).collect()
    };
    Report {
        name: name("testing.example.com"),
        parent: Some(name("example.com")),
        chain: Some(Chain { bogus: false, is_secure: true, may_be_secure: true }),
        servers: serving(&[
            "ns1.example.net",
            "ns2.example.net",
            "ns3.example.net",
            "ns4.example.net",
        ]),
        parent_servers: serving(&[
            "p1.example.org",
            "p2.example.org",
            "p3.example.org",
            "p4.example.org",
        ]),
        findings: Vec::new(),
        left_off: 0,
        no_egress: false,
    }
}

#[test]
fn a_good_report_is_a_summary() {
    assert_eq!(
        good().to_string(),
        "the 4 name servers answer for testing.example.com with the keys of its DS records, and the 4 servers of example.com \
         refer to them"
    );
    let parent_servers = good().parent_servers[..1].to_vec();
    let one = Report { parent_servers, chain: None, ..good() };
    assert_eq!(
        one.to_string(),
        "the 4 name servers answer for testing.example.com, and the server of example.com refers to them"
    );
}

#[test]
fn the_text_of_a_report_is_limited() {
    // The longest possible names, with bytes that need escapes.
    let label = "\\001".repeat(63);
    let long = [label.as_str(); 3].join(".") + "." + &"\\002".repeat(61);
    let long = name(&long);
    let targets = Targets { names: [long.clone()].into(), root: true };
    let addresses: Vec<IpAddr> =
        (0..4).map(|last| IpAddr::from([0xffff, 1, 2, 3, 4, 5, 6, last])).collect();
    let finding = Finding {
        server: long.clone(),
        addresses,
        role: Role::Parent,
        kind: FindingKind::Refers(targets.into()),
    };
    let report = Report { name: long, findings: vec![finding; 500], ..good() };
    let text = report.to_string();
    assert!(text.ends_with("; and 496 more"), "{text}");
    let shortened = report.clone().shortened(20);
    assert_eq!((shortened.findings().len(), shortened.left_off()), (20, 480));
    assert_eq!(shortened.to_string(), text, "nothing is missing unnoticed");
    assert!(
        text.chars().count() < 1800 && !text.contains('\n'),
        "{} characters",
        text.chars().count()
    );
    let text = Report { no_egress: true, ..report }.to_string();
    assert!(text.chars().count() < 500, "{} characters", text.chars().count());
}

#[test]
fn only_the_first_name_servers_are_shown() {
    let names = (0..35).map(|index| name(&format!("ns{index:02}.example.net"))).collect();
    let kind = FindingKind::Refers(Targets { names, root: false }.into());
    let finding =
        Finding { server: name("p1.example.org"), addresses: Vec::new(), role: Role::Parent, kind };
    assert_eq!(
        finding.to_string(),
        "p1.example.org of the parent zone refers to other name servers: ns00.example.net, ns01.example.net, ns02.example.net, \
         ns03.example.net, and 31 more"
    );
}

#[test]
fn several_key_tags_are_listed_with_their_number() {
    let tags = |count: u16| Tags::new(1..=count).unwrap();
    let text = |kind: FindingKind| {
        let finding = Finding {
            server: name("ns1.example.net"),
            addresses: Vec::new(),
            role: Role::Child,
            kind,
        };
        finding.to_string()
    };
    assert_eq!(
        text(FindingKind::NoKey(tags(400))),
        "ns1.example.net does not serve the keys of the DS records with key tags 1, 2, 3, 4, and 396 more"
    );
    assert_eq!(
        text(FindingKind::NotSigning(tags(2))),
        "ns1.example.net serves no valid signature of the key set by the keys with tags 1, 2, which the DS records require"
    );
    assert_eq!(
        text(FindingKind::Spare(tags(3))),
        "ns1.example.net serves no key for the DS records with key tags 1, 2, 3, but one for another DS record"
    );
    assert_eq!(
        text(FindingKind::Unverifiable(tags(2), "algorithm", 16)),
        "ns1.example.net can't be checked for the DS records with key tags 1, 2: their algorithms, such as 16, are not supported"
    );
}

/// What the verdict and the kind of an alarm depend on is kept, wherever it was.
#[test]
fn a_shortened_report_keeps_what_is_most_urgent() {
    let finding = |kind: FindingKind| Finding {
        server: name("ns1.example.net"),
        addresses: Vec::new(),
        role: Role::Child,
        kind,
    };
    let domain = FindingKind::Unresolved(Unresolved::FreeDomain(name("gone.example")));
    let mut findings: Vec<Finding> =
        (0..40).map(|_| finding(FindingKind::OwnNameServers(ServerNames::default()))).collect();
    findings.extend([FindingKind::Late, FindingKind::Code("REFUSED".into()), domain].map(finding));
    let report = Report { findings, ..good() }.shortened(2);
    let codes: Vec<&str> = report.findings().iter().map(Finding::code).collect();
    assert_eq!((codes, report.left_off()), (vec!["domain-is-free", "rcode"], 41));
    assert!(report.can_be_taken_over());
}

/// Many findings of one kind don't hide a single one of another kind on which the classification
/// depends.
#[test]
fn what_a_report_means_does_not_depend_on_which_findings_it_keeps() {
    let of_child = || one_of_each().into_iter().filter(|(role, _)| *role == Role::Child);
    let finding = |kind: &FindingKind| Finding {
        server: name("ns1.example.net"),
        addresses: Vec::new(),
        role: Role::Child,
        kind: kind.clone(),
    };
    for (_, many) in of_child() {
        for (_, one) in of_child() {
            let findings = (0..30).map(|_| finding(&many)).chain([finding(&one)]).collect();
            let report = Report { findings, ..good() };
            let short = report.clone().shortened(20);
            let meaning = |report: &Report| {
                let any = |is_such: fn(&Finding) -> bool| report.findings().iter().any(is_such);
                // What comes first decides.
                match report.verdict() {
                    _ if report.can_be_taken_over() => "takeover",
                    _ if any(Finding::says_no_zone) => "no zone",
                    _ if any(Finding::fails_to_serve) => "not served",
                    Verdict::Bad => "bad",
                    _ if report.is_incomplete() => "incomplete",
                    _ => "good",
                }
            };
            assert_eq!(meaning(&short), meaning(&report), "{many:?} and {one:?}");
        }
    }
}

#[test]
fn what_is_found_at_several_servers_is_said_once() {
    let finding = |server: &str, addresses: &[&str], role, kind: &FindingKind| Finding {
        server: name(server),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        role,
        kind: kind.clone(),
    };
    let refused = FindingKind::Code("REFUSED".into());
    let findings = vec![
        finding("ns1.example.net", &["192.0.2.1", "2001:db8::1"], Role::Child, &refused),
        finding("ns2.example.net", &["192.0.2.2"], Role::Child, &FindingKind::Silent),
        finding("ns3.example.net", &["192.0.2.3"], Role::Child, &refused),
        finding("p1.example.org", &[], Role::Parent, &FindingKind::NoDelegation),
        finding("p2.example.org", &[], Role::Parent, &FindingKind::NoDelegation),
        finding("p2.example.org", &[], Role::Parent, &refused),
    ];
    let report = Report { findings, ..good() };
    let groups: Vec<String> = report.groups().iter().map(ToString::to_string).collect();
    assert_eq!(
        groups,
        [
            "each of 2 name servers (ns1.example.net at 192.0.2.1, 2001:db8::1; ns3.example.net at 192.0.2.3) does not answer \
             for the zone (REFUSED)",
            "ns2.example.net (192.0.2.2) does not answer",
            "each of 2 name servers of the parent zone (p1.example.org; p2.example.org) does not delegate the name",
            "p2.example.org of the parent zone does not answer for the zone (REFUSED)",
        ]
    );
}

#[test]
fn resolv_conf_is_parsed() {
    let servers = |text: &str| format!("{:?}", Resolver::from_resolv_conf(text).servers);
    assert_eq!(
        servers(
            "# nameserver 192.0.2.9\nsearch example.com\nnameserver 192.0.2.1\n  nameserver\t2001:db8::1 # comment\n\
             nameserver fe80::1%none0\nnameserver\nnameserver fe80::53%lo\nnameserver 192.0.2.4\n"
        ),
        "[192.0.2.1:53, [2001:db8::1]:53, [fe80::53%1]:53]"
    );
    assert_eq!(servers("nameserver fe80::1%7\n"), "[[fe80::1%7]:53]");
    assert_eq!(servers(""), "[127.0.0.1:53]");
}

/// A finding of each kind, with recognizable values.
fn one_of_each() -> Vec<(Role, FindingKind)> {
    use FindingKind as Kind;
    use Unresolved as Why;
    let targets = || ServerNames { first: vec!["value.example".to_owned()], more: 0 };
    let addresses = || vec![IpAddr::from([192, 0, 2, 1])];
    let child_kinds = [
        Kind::Unresolved(Why::NoGlue),
        Kind::Unresolved(Why::NoSuchName),
        Kind::Unresolved(Why::FreeDomain(name("value.example"))),
        Kind::Unresolved(Why::UnknownDomain(name("value.example"))),
        Kind::Unresolved(Why::NoAddress),
        Kind::Unresolved(Why::Private),
        Kind::Unresolved(Why::Alias),
        Kind::Unresolved(Why::NoSuchTarget(name("value.example"))),
        Kind::Unresolved(Why::NoNameServers),
        Kind::Unresolved(Why::Code("SERVFAIL".to_owned())),
        Kind::Unresolved(Why::Malformed),
        Kind::Unresolved(Why::NotRecursive),
        Kind::Unresolved(Why::Silent),
        Kind::MoreAddresses(Why::Code("SERVFAIL".to_owned())),
        Kind::Silent,
        Kind::FamilySilent(Family::V6),
        Kind::NoRoute(Family::V6),
        Kind::Code("REFUSED".to_owned()),
        Kind::Code("SERVFAIL".to_owned()),
        Kind::NotAuthoritative,
        Kind::NoZone,
        Kind::Alias,
        Kind::Malformed,
        Kind::NoTcp,
        Kind::OwnNameServers(targets()),
        Kind::StaleGlue(addresses()),
        Kind::ShortGlue(addresses()),
        Kind::NoOwnAddress,
        Kind::MissingGlue(vec![name("value.example")]),
        Kind::NoKey(4711.into()),
        Kind::NotSigning(4711.into()),
        Kind::OutOfTime(4711),
        Kind::Unverifiable(4711.into(), "algorithm", 16),
        Kind::Spare(4711.into()),
        Kind::Weak(4711, "digest type", 1),
        Kind::DataUnsigned,
        Kind::DataOutOfTime,
        Kind::SignedWithoutDs,
        Kind::Serials(vec![4711]),
        Kind::ParentUnsigned,
        Kind::NoAnswerAbove(name("value.example")),
        Kind::AnotherZone(targets()),
        Kind::MoreServers(targets()),
        Kind::TooMany(4711),
        Kind::Unqueried(4711),
        Kind::Late,
        Kind::Spent,
        Kind::Unverified,
    ];
    let parent_kinds = [
        Kind::Code("REFUSED".to_owned()),
        Kind::Refers(targets()),
        Kind::NoDelegation,
        Kind::OddReferral,
        Kind::Ds(None),
        Kind::Ds(Some(4711.into())),
        Kind::DsUnsigned,
    ];
    let with = |role| move |kind| (role, kind);
    child_kinds
        .into_iter()
        .map(with(Role::Child))
        .chain(parent_kinds.into_iter().map(with(Role::Parent)))
        .collect()
}

/// The table of all findings, in Markdown.
fn table() -> String {
    let row = |(role, kind): (Role, FindingKind)| {
        let finding = Finding { server: name("server.example"), addresses: Vec::new(), role, kind };
        let severity = match finding.severity() {
            Severity::Problem => "problem",
            Severity::Unknown => "unknown",
            Severity::Remark => "remark",
        };
        let mut text = finding.to_string();
        for value in ["server.example", "value.example", "192.0.2.1", "4711"] {
            text = text.replace(value, "…");
        }
        format!(
            "| `{}` | {severity} | {text} | {} |\n",
            finding.code(),
            finding.remedy().unwrap_or("-")
        )
    };
    let rows: String = one_of_each().into_iter().map(row).collect();
    format!("| code | severity | finding | what to do |\n|---|---|---|---|\n{rows}")
}

#[test]
fn the_page_has_every_finding() {
    let page = include_str!("../../../../docs/troubleshooting.md");
    assert!(page.contains(&table()), "docs/troubleshooting.md lacks this table:\n{}", table());
}

#[test]
fn every_problem_has_a_remedy() {
    for (role, kind) in one_of_each() {
        let finding = Finding { server: name("server.example"), addresses: Vec::new(), role, kind };
        assert!(finding.severity() != Severity::Problem || finding.remedy().is_some(), "{finding}");
        assert!(finding.remedy().is_none_or(|remedy| remedy.ends_with('.')), "{finding}");
    }
}
