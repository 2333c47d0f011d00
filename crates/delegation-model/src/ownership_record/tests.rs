use super::*;
use crate::name_servers::NameServers;
use crate::ttl::Ttl;

const NOW: i64 = 1_800_000_000;
const STACK: &str = "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/6e3b9c2e-0000";

fn cut() -> Name {
    "testing.example.com".parse().unwrap()
}

fn claimant(stack: &str, logical_id: &str) -> Claimant {
    Claimant::new(stack, logical_id, &cut())
}

fn digest(text: &str) -> Digest {
    Digest::new(&[text])
}

fn stamp(time: i64) -> Stamp {
    Stamp { time, request: RequestDigest::new("r") }
}

fn claim(claimant: &Claimant, time: i64) -> Claim {
    Claim {
        id: claimant.id(),
        ns: digest("x"),
        ds: None,
        intent: digest("intent"),
        previous_intent: None,
        stamp: stamp(time),
        basis: ClaimBasis::Made,
        saw: None,
        from: None,
        hold: None,
        again: false,
        owner: claimant.owner().clone(),
    }
}

fn full_claim() -> Claim {
    Claim {
        ds: Some(digest("ds")),
        previous_intent: Some(digest("was")),
        basis: ClaimBasis::Came,
        saw: Some(NOW - 5),
        from: Some(MovedFrom {
            zone: Some("Z0123456789ABCDEFGHIJKLMNOPQRSTUV".get(..32).unwrap().parse().unwrap()),
            route: digest("route"),
        }),
        hold: Some(NOW + 172_800),
        again: true,
        ..claim(&claimant(STACK, "Delegation"), NOW)
    }
}

fn displaced(names: &str) -> Displaced {
    let names: Vec<&str> = names.split(',').collect();
    Displaced {
        name_servers: NameServers::from_values(&names).unwrap(),
        ttl: Ttl::new(60).unwrap(),
        time: NOW,
        claimed: false,
    }
}

fn record_of(values: &[Value]) -> OwnershipRecord {
    let mut record = OwnershipRecord::default();
    for value in values {
        let text = match value {
            Value::Claim(claim) => claim.text(),
            Value::Origin(origin) => origin.text(),
            Value::Tombstone(stone) => stone.text(),
            Value::Unreadable => format!("{HERITAGE},claim2=1"),
            Value::Foreign => "v=spf1 -all".to_owned(),
        };
        record.0.push(Entry::new(value.clone(), &text));
    }
    record
}

mod formats {
    use super::*;

    #[test]
    fn values_print_as_documented() {
        let short = claim(&claimant(STACK, "Delegation"), NOW);
        let record = record_of(&[
            Value::Claim(short),
            Value::Claim(full_claim()),
            Value::Origin(Origin { of: digest("x"), displaced: None }),
            Value::Origin(Origin {
                of: digest("x"),
                displaced: Some(displaced(r"ns1.x.net.,a\052.x.net")),
            }),
            Value::Tombstone(Tombstone { id: digest("id"), time: NOW }),
        ]);
        insta::assert_snapshot!(record.values().join("\n"));
    }

    #[test]
    fn every_kind_of_value_parses_back() {
        let values = [
            Value::Claim(claim(&claimant(STACK, "Delegation"), NOW)),
            Value::Claim(full_claim()),
            Value::Claim(Claim {
                from: Some(MovedFrom { zone: None, route: digest("r") }),
                ..full_claim()
            }),
            Value::Origin(Origin { of: digest("x"), displaced: None }),
            Value::Origin(Origin {
                of: digest("x"),
                displaced: Some(displaced(r"ns1.x.net,a\052.x.net,\134.y.net")),
            }),
            Value::Tombstone(Tombstone { id: digest("id"), time: NOW }),
            Value::Unreadable,
            Value::Foreign,
        ];
        let record = record_of(&values);
        assert_eq!(
            OwnershipRecord::parse(&record.values()).iter().cloned().collect::<Vec<_>>(),
            values
        );
        assert_eq!(OwnershipRecord::parse(&record.values()).values(), record.values());
    }

    #[test]
    fn long_values_are_several_strings_of_at_most_255_bytes() {
        let value = record_of(&[Value::Claim(full_claim())]).values().remove(0);
        let strings: Vec<&str> = value.trim_matches('"').split("\" \"").collect();
        assert!(
            strings.len() > 1 && strings.iter().all(|string| (1..=255).contains(&string.len())),
            "{value}"
        );
        for length in [254, 255, 256, 510, 511] {
            let text = "x".repeat(length);
            let quoted = text::quote(&text);
            assert_eq!(text::unquote(&quoted), Some(text));
            assert_eq!(quoted.matches('"').count(), 2 * length.div_ceil(255));
        }
    }

    #[test]
    fn no_backslash_is_written() {
        let origin = Origin { of: digest("x"), displaced: Some(displaced(r"\052\134.x.net")) };
        let value = record_of(&[Value::Origin(origin)]).values().remove(0);
        assert!(!value.contains('\\') && value.contains("%5C052%5C134.x.net."), "{value}");
    }

    #[test]
    fn any_spelling_that_route_53_may_return_is_parsed() {
        let text = claim(&claimant(STACK, "Delegation"), NOW).text();
        let (head, tail) = text.split_at(70);
        let spelled =
            format!("\"{}\"   \"{tail}\"", head.replace('-', "\\055").replace('=', "\\="));
        assert!(
            matches!(Value::parse(&spelled), Value::Claim(claim) if claim.owner.to_string() == "shop/Delegation")
        );
    }

    #[test]
    fn an_invalid_value_with_our_heritage_is_unreadable_not_foreign() {
        let good = claim(&claimant(STACK, "Delegation"), NOW).text();
        let broken = [
            "heritage=custom-delegation".to_owned(),
            "heritage=custom-delegation,claim3=1".to_owned(),
            // A claim in an earlier format.
            "heritage=custom-delegation,stack=0123456789abcdef,id=0123456789abcdef,ns=,ds=,at=1,by=created,owner=a/b"
                .to_owned(),
            good.replace("by=made", "by=lent"),
            good.replace("at=", "at=x"),
            good.replace(",for=", ",because="),
            good.replace(",owner=", ",of="),
            good.replace("ns=", "ns=0"),
            format!("{HERITAGE},before=same"),
            format!("{HERITAGE},before=other,of={}", digest("x")),
            format!("{HERITAGE},before=displaced,of={},at=1,claimed=maybe,ttl=1,ns=a.b", digest("x")),
            format!("{HERITAGE},tombstone=1,at=1"),
        ];
        for text in broken {
            assert_eq!(Value::parse(&text::quote(&text)), Value::Unreadable, "{text}");
        }
        for listed in [
            "\"heritage=custom-delegation",
            "\"heritage=custom-delegation,claim=\\377\"",
            "heritage=custom-delegation,x",
        ] {
            assert_eq!(Value::parse(listed), Value::Unreadable, "{listed}");
        }
        for listed in [
            "",
            "\"\"",
            "\"v=spf1 -all\"",
            "\"heritage=custom-delegation-2,claim=1\"",
            "\"heritage=external-dns\"",
            "\"\\377\"",
            "plain",
        ] {
            assert_eq!(Value::parse(listed), Value::Foreign, "{listed}");
        }
    }

    #[test]
    fn fields_of_a_later_version_are_ignored() {
        let text =
            claim(&claimant(STACK, "Delegation"), NOW).text().replace(",owner=", ",new=1,owner=");
        assert!(matches!(Value::parse(&text::quote(&text)), Value::Claim(_)));
    }

    #[test]
    fn only_values_that_this_program_writes_are_shown() {
        let origin = Origin { of: digest("x"), displaced: Some(displaced("ns1.h.net")) };
        let ours = record_of(&[Value::Claim(full_claim()), Value::Origin(origin)]).values();
        for hostile in [
            "\"call mallory at once\"".to_owned(),
            "\"heritage=custom-delegation,call=mallory\"".to_owned(),
            ours[0].replace(",by=", ",note=call mallory,by="),
            ours[0].replace("owner=", "owner=call mallory "),
            ours[1].replace("before=displaced", "before=displaced,note=call mallory"),
            ours[1].replace('=', "\\075"),
        ] {
            let values: Vec<String> = ours.iter().cloned().chain([hostile]).collect();
            let record = OwnershipRecord::parse(&values);
            assert_eq!(
                record.repeatable(),
                (ours.iter().map(String::as_str).collect(), 1),
                "{values:?}"
            );
        }
    }

    /// TRUST-3.
    #[test]
    fn displaced_name_servers_are_shown_only_if_they_are_host_names() {
        let of = digest("x");
        let of_names = |names: &[&str]| {
            let name_servers = NameServers::from_values(names).unwrap();
            Origin { of, displaced: Some(Displaced { name_servers, ..displaced("ns1.h.net") }) }
        };
        let shown = |origin: Origin| {
            let record = record_of(&[Value::Origin(origin)]);
            record.repeatable().1 == 0
        };
        assert!(shown(of_names(&["ns1.h.net.", "ns2.h.net."])));
        assert!(shown(Origin { of, displaced: None }));
        assert!(!shown(of_names(&["ns1.h.net.", "call\\040mallory.net."])));
        assert!(!shown(of_names(&["mallory."])));
        let many: Vec<String> = (0..17).map(|n| format!("ns{n}.h.net.")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(!shown(of_names(&many)));
    }

    #[test]
    fn an_owner_that_this_program_does_not_write_is_not_shown() {
        let good = claim(&claimant(STACK, "Delegation"), NOW).text();
        for owner in ["", "a b", "call +1-800", "x\\\"y", &"x".repeat(400)] {
            let text = good.replace("shop/Delegation", owner);
            let Value::Claim(read) = Value::parse(&format!("\"{text}\"")) else { panic!("{text}") };
            assert_eq!(read.owner.to_string(), "an unknown owner", "{owner}");
        }
        let odd = Claimant::new("stack \"x\"", "L\u{e9}", &cut());
        assert_eq!(odd.owner().to_string(), "stack__x_/L_");
    }
}

mod identity {
    use super::*;

    #[test]
    fn a_stack_that_is_created_again_under_its_name_is_the_same() {
        let again = STACK.replace("6e3b9c2e-0000", "7f4c");
        assert_eq!(claimant(STACK, "D").id(), claimant(&again, "D").id());
        let others = [
            claimant(&STACK.replace("shop", "shop2"), "D"),
            claimant(&STACK.replace("eu-west-1", "eu-west-2"), "D"),
            claimant(&STACK.replace("111111111111", "222222222222"), "D"),
            claimant(STACK, "D2"),
            Claimant::new(STACK, "D", &"b.example.com".parse().unwrap()),
        ];
        assert!(others.iter().all(|other| other.id() != claimant(STACK, "D").id()));
    }

    #[test]
    fn any_other_stack_id_counts_as_a_whole() {
        assert_ne!(claimant("local/1", "D").id(), claimant("local/2", "D").id());
        assert_eq!(claimant(STACK, "D").owner().to_string(), "shop/D");
        assert_eq!(claimant("local", "D").owner().to_string(), "local/D");
    }

    #[test]
    fn no_two_cuts_share_a_record() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(record_name(&cut()).unwrap().as_str(), "_delegation-testing.example.com");
        let fits = name(&format!("{}.example.com", "a".repeat(51)));
        assert!(record_name(&fits).unwrap().as_str().starts_with("_delegation-aaa"));
        let long = name(&format!("{}.example.com", "a".repeat(52)));
        let record = record_name(&long).unwrap();
        let digest = record.first_label().strip_prefix("_delegationdigest-").unwrap().to_owned();
        // A child whose label looks like the digest has a different record.
        for label in [digest.clone(), format!("digest-{digest}")] {
            assert_ne!(record_name(&name(&format!("{label}.example.com"))), Some(record.clone()));
        }
        let longest = name(&[63, 63, 63, 61].map(|length| "b".repeat(length)).join("."));
        assert!(
            record_name(&longest).is_some(),
            "a long first label is replaced by a shorter digest"
        );
        let has_record = |lengths: &[usize]| {
            let labels: Vec<_> = lengths.iter().map(|length| "b".repeat(*length)).collect();
            record_name(&name(&labels.join("."))).is_some()
        };
        assert!(has_record(&[1, 63, 63, 63, 47]), "241 bytes");
        assert!(!has_record(&[1, 63, 63, 63, 48]), "242 bytes");
        assert!(has_record(&[33, 63, 63, 63, 26]), "218 bytes after the first label");
        assert!(!has_record(&[33, 63, 63, 63, 27]), "219 bytes after the first label");
        assert_eq!(record_name(&name("com")), None);
    }

    /// `cdk/test/parent-role.test.js` has the same names and digests: the role that the construct
    /// creates allows this record alone.
    #[test]
    fn the_record_of_a_long_name_is_the_one_that_the_cdk_s_roles_allow() {
        let below = format!("{0}.{0}.{0}.bbbbbb.example.com", "b".repeat(63));
        for (label, rest, digest) in [
            ("a".repeat(52), "example.com", "c894ed5b38a69284"),
            ("a".repeat(40), below.as_str(), "8a6d23cfbfa96de4"),
        ] {
            let cut: Name = format!("{label}.{rest}").parse().unwrap();
            let record = record_name(&cut).unwrap();
            assert_eq!(record.as_str(), format!("_delegationdigest-{digest}.{rest}"));
        }
    }
}

mod effects {
    use super::*;

    #[test]
    fn of_several_own_claims_the_earliest_counts_and_one_from_the_future_is_the_last() {
        let own = claimant(STACK, "D");
        let counts = |times: &[i64]| {
            let claims = times.iter().map(|time| Value::Claim(claim(&own, *time)));
            let record = record_of(&claims.collect::<Vec<_>>());
            record.own(&own, NOW).unwrap().stamp.time
        };
        let ahead = NOW + MAX_SKEW + 1;
        assert_eq!(counts(&[ahead, NOW - 5, NOW - 10, NOW + MAX_SKEW]), NOW - 10);
        assert_eq!(counts(&[ahead, NOW + MAX_SKEW]), NOW + MAX_SKEW);
        assert_eq!(counts(&[ahead + 1, ahead]), ahead);
        let future = claim(&own, NOW + MAX_SKEW + 1);
        assert!(!future.is_later_than(stamp(0), NOW));
        assert!(claim(&own, NOW + MAX_SKEW).is_later_than(stamp(NOW), NOW));
        assert!(
            !claim(&own, NOW).is_later_than(stamp(NOW), NOW),
            "in the same second, so not later"
        );
    }

    #[test]
    fn a_claim_from_before_a_displacement_is_no_holder() {
        let (own, other) = (claimant(STACK, "D"), claimant(STACK, "E"));
        let later_claim = Claim { saw: Some(NOW), ..claim(&own, NOW) };
        let (x, origin) = (digest("x"), |of: &str| Origin {
            of: digest(of),
            displaced: Some(displaced("h.net")),
        });
        let with = |origin: Option<Origin>| {
            let mut record =
                record_of(&[Value::Claim(later_claim.clone()), Value::Claim(claim(&other, NOW))]);
            record.put_origin(origin);
            record
        };
        let holders = |record: &OwnershipRecord| {
            record.claims().filter(|claim| record.holds(claim, x)).count()
        };
        assert_eq!(holders(&with(None)), 2);
        assert_eq!(holders(&with(Some(origin("x")))), 1);
        assert_eq!(holders(&with(Some(origin("y")))), 2, "it is about other name servers");
        assert_eq!(holders(&with(Some(Origin { of: x, displaced: None }))), 2);
        assert!(with(None).other_holders(&own, digest("y")).is_empty());
    }

    #[test]
    fn a_hold_is_valid_for_a_week_and_for_the_name_servers_that_its_claim_names() {
        let own = claimant(STACK, "D");
        let held = |at: i64, until: i64| {
            let record = record_of(&[Value::Claim(Claim { hold: Some(until), ..claim(&own, at) })]);
            record.hold(digest("x"), NOW, NOW)
        };
        assert_eq!(held(NOW, NOW + 60), Some(NOW + 60));
        assert_eq!(held(NOW, NOW), None);
        assert_eq!(held(NOW, i64::MAX), Some(NOW + MAX_HOLD));
        assert_eq!(held(NOW - MAX_HOLD, i64::MAX), None);
        assert_eq!(held(NOW + MAX_SKEW + 1, i64::MAX), None, "from the future");
        let record = record_of(&[Value::Claim(Claim { hold: Some(NOW + 60), ..claim(&own, NOW) })]);
        assert_eq!(record.hold(digest("y"), NOW, NOW), None);
    }

    #[test]
    fn no_hold_counts_next_to_a_claim_from_the_future() {
        let (own, other) = (claimant(STACK, "D"), claimant(STACK, "E"));
        let held = Claim { hold: Some(NOW + 60), ..claim(&own, NOW) };
        let beside = |time: i64| {
            let other = Claim { ns: digest("y"), ..claim(&other, time) };
            let record = record_of(&[Value::Claim(held.clone()), Value::Claim(other)]);
            record.hold(digest("x"), NOW, NOW)
        };
        assert_eq!(beside(NOW + MAX_SKEW), Some(NOW + 60));
        assert_eq!(beside(NOW + MAX_SKEW + 1), None, "whatever it names");
    }

    #[test]
    fn only_expired_tombstones_are_removed_and_later_ones_stay() {
        let (own, other) = (claimant(STACK, "D"), claimant(STACK, "E"));
        let stone =
            |claimant: &Claimant, time| Value::Tombstone(Tombstone { id: claimant.id(), time });
        let left = |stones: &[Value], time| {
            let mut record = record_of(stones);
            record.drop_tombstones(&own, time, NOW);
            record.iter().count()
        };
        assert_eq!(left(&[stone(&other, NOW)], NOW + 3599), 1);
        assert_eq!(left(&[stone(&other, NOW)], NOW + 3600), 0);
        assert_eq!(left(&[stone(&own, NOW)], NOW), 1);
        assert_eq!(left(&[stone(&own, NOW)], NOW + 1), 0);
        assert_eq!(left(&[stone(&other, NOW + MAX_SKEW + 1)], NOW), 0, "from the future");
        let mut record = record_of(&[stone(&own, NOW)]);
        record.put_tombstone(&own, NOW - 1, NOW);
        assert_eq!(record.tombstone(&own, NOW).unwrap().time, NOW);
        record.put_tombstone(&own, NOW + 1, NOW);
        assert_eq!(record.iter().cloned().collect::<Vec<_>>(), [stone(&own, NOW + 1)]);
        assert_eq!(record_of(&[stone(&own, NOW + MAX_SKEW + 1)]).tombstone(&own, NOW), None);
    }

    #[test]
    fn of_several_tombstones_the_earliest_counts_and_only_it_stays() {
        let (own, other) = (claimant(STACK, "D"), claimant(STACK, "E"));
        let stone =
            |claimant: &Claimant, time| Value::Tombstone(Tombstone { id: claimant.id(), time });
        let several = [NOW + MAX_SKEW + 1, NOW + 7, NOW + 5].map(|time| stone(&own, time));
        let of_others = [NOW, NOW + 1].map(|time| stone(&other, time));
        let left = |time: i64| {
            let mut record = record_of(&[several.as_slice(), &of_others].concat());
            assert_eq!(record.tombstone(&own, NOW).unwrap().time, NOW + 5);
            record.drop_tombstones(&own, time, NOW);
            let own = |value: &&Value| matches!(value, Value::Tombstone(it) if it.id == own.id());
            let kept: Vec<Value> = record.iter().filter(own).cloned().collect();
            assert_eq!(record.iter().count(), kept.len() + of_others.len());
            kept
        };
        assert_eq!(left(NOW + 5), [stone(&own, NOW + 5)]);
        assert!(left(NOW + 6).is_empty());
    }

    #[test]
    fn of_several_origins_the_one_that_leaves_the_name_servers_counts() {
        let x = digest("x");
        let same = Origin { of: x, displaced: None };
        let taken = Origin { of: x, displaced: Some(displaced("h.net")) };
        for values in [[same.clone(), taken.clone()], [taken.clone(), same.clone()]] {
            let mut record = record_of(&values.map(Value::Origin));
            assert_eq!(record.origin(x), Some(&same));
            record.put_origin(Some(taken.clone()));
            assert_eq!(record.iter().count(), 1);
        }
    }

    #[test]
    fn an_unchanged_value_keeps_its_text() {
        let own = claimant(STACK, "D");
        let mine = claim(&own, NOW);
        let spelled =
            text::quote(&mine.text()).replace('_', "\\137").replace("heritage", "heritag\\145");
        let values = ["\"note\"".to_owned(), spelled.clone()];
        let mut record = OwnershipRecord::parse(&values);
        record.put_claim(mine.clone());
        assert_eq!(record.values(), values);
        record.put_claim(Claim { hold: Some(1), ..mine });
        assert_ne!(record.values()[1], spelled);
        assert_eq!(record.values()[0], values[0]);
        record.remove_claim(&own);
        assert_eq!(record.values(), values[..1]);
    }
}
