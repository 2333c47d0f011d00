//! Tests of the choice of addresses to query, and that no packet goes to any other.

use std::net::IpAddr;
use std::time::Duration;

use super::super::address_filter::{Addresses, is_global};
use super::super::finding::{ServerState, Unresolved};
use super::super::{Expected, Report};
use super::script::*;
use delegation_model::name_servers::NameServers;

fn addresses(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|text| text.parse().unwrap()).collect()
}

fn list(text: &str) -> Vec<IpAddr> {
    addresses(&text.split(' ').collect::<Vec<_>>())
}

#[test]
fn global_addresses_are_distinguished_from_special_purpose_ones() {
    let special = "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 \
        169.254.0.0 169.254.169.253 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 \
        192.0.0.255 192.0.2.53 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 \
        198.51.100.1 203.0.113.1 224.0.0.0 240.0.0.1 255.255.255.255 :: ::1 ::ffff:8.8.8.8 ::ffff:10.0.0.1 \
        ::10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1 100::1 1fff:ffff::1 2001::1 2001:0:a00:1::1 2001:2::1 \
        2001:10::1 2001:1ff:ffff::1 2001:db8::53 2001:db8:ffff::1 2002:a00:1::1 2002:ffff::1 3fff::1 \
        3fff:fff:ffff::1 4000::1 5f00::1 fc00::1 fd00:ec2::253 fe80::1 fec0::1 ff02::1";
    for address in list(special) {
        assert!(!is_global(address), "{address}");
    }
    let global = "1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
        169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 \
        192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 \
        198.51.101.0 203.0.112.255 203.0.114.0 205.251.192.2 223.255.255.255 2000::1 2001:200::1 \
        2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1 2600:9000:5300:200::1 3ffe:ffff::1 \
        3fff:1000::1";
    for address in list(global) {
        assert!(is_global(address), "{address}");
    }
}

#[test]
fn two_addresses_of_each_family_are_queried() {
    let all = addresses(&[
        "10.0.0.1", "2600::1", "8.8.8.1", "8.8.8.2", "8.8.8.3", "fe80::1", "2600::2", "2600::3",
    ]);
    let chosen = Addresses::choose(&all, false).unwrap();
    assert_eq!(
        (chosen.chosen, chosen.has_private),
        (addresses(&["8.8.8.1", "8.8.8.2", "2600::1", "2600::2"]), true)
    );
    let chosen = Addresses::choose(&all, true).unwrap();
    assert_eq!(
        (chosen.chosen, chosen.has_private),
        (addresses(&["10.0.0.1", "8.8.8.1", "2600::1", "fe80::1"]), false)
    );
    let chosen = Addresses::choose(&addresses(&["8.8.8.1"]), false).unwrap();
    assert_eq!((chosen.chosen, chosen.has_private), (addresses(&["8.8.8.1"]), false));
    assert_eq!(
        Addresses::choose(&addresses(&["10.0.0.1", "::1"]), false).unwrap_err(),
        Unresolved::Private
    );
    assert_eq!(Addresses::choose(&[], false).unwrap_err(), Unresolved::NoAddress);
}

/// Only `at_any_address` does, whatever the address of the resolver.
#[tokio::test]
async fn a_private_resolver_does_not_allow_private_name_servers() {
    for allowed in [false, true] {
        let servers = || child(SERVERS).script();
        let fixture =
            Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, servers()), (12, servers())]);
        let verifier = fixture.verifier(patient()).at_any_address(allowed);
        let report = verifier.verify_child(&expected(), Duration::ZERO).await;
        let state = if allowed { ServerState::Serves } else { ServerState::Unresolved };
        assert_eq!(states(&report), [state; 2], "{report}");
        assert_eq!(fixture.asked(11).is_empty() && fixture.asked(12).is_empty(), !allowed);
    }
}

fn states(report: &Report) -> Vec<ServerState> {
    report.servers().iter().map(|server| server.state).collect()
}

#[tokio::test]
async fn nothing_is_sent_to_private_addresses() {
    // Private addresses from the resolver, for the child and its parent, and from glue.
    let inside = "ns.testing.example.com";
    let name_servers = NameServers::parse(&["ns1.example.net", "ns2.example.net", inside]).unwrap();
    let glue = vec![(inside.parse().unwrap(), IpAddr::from([127, 0, 0, 13]))];
    let expected = Expected { name_servers, glue, ..expected() };
    let servers = || child(&["ns1.example.net", "ns2.example.net", inside]).script();
    let above = || parent(SERVERS).script();
    let scripts = vec![
        (RESOLVER, resolver(HOSTS)),
        (11, servers()),
        (12, servers()),
        (13, servers()),
        (21, above()),
        (22, above()),
    ];
    let fixture = Fixture::start(scripts);
    let check = fixture.strict(&expected);
    let report = check.run(Some(&parent_zone()), PATIENCE).await;
    let words = "has an address that can't be reached over the internet";
    assert_eq!(
        report.to_string(),
        format!(
            "{inside} {words}; ns1.example.net {words}; ns2.example.net {words}; p1.example.org of the parent zone {words}; \
             and 1 more"
        )
    );
    assert_eq!((states(&report), report.no_egress()), (vec![ServerState::Unresolved; 3], false));
    for host in [11, 12, 13, 21, 22] {
        assert_eq!(fixture.asked(host), [], "{host}");
    }
}

/// The resulting findings are covered by the other tests of the check.
#[tokio::test]
async fn only_the_public_addresses_of_a_server_are_queried() {
    const MIXED: &[(&str, &str)] = &[
        ("ns1.example.net", "127.0.0.11"),
        ("ns1.example.net", "8.8.8.8"),
        ("ns2.example.net", "8.8.8.8"),
    ];
    let fixture = Fixture::start(vec![(RESOLVER, resolver(MIXED))]);
    let expected = expected();
    let check = fixture.strict(&expected);
    let chosen =
        check.resolver.addresses(&check.net, &"ns1.example.net".parse().unwrap()).await.unwrap();
    assert_eq!((chosen.chosen, chosen.has_private), (addresses(&["8.8.8.8"]), true));
}
