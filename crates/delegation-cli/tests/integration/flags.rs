//! Tests of invalid flags, the help, and credentials.

use custom_delegation::cfn::properties::KNOWN;

use crate::shell::Shell;
use test_support::Fixture;

fn bare() -> Shell {
    Shell { env: Vec::new() }
}

#[test]
fn the_help_describes_every_subcommand_and_property() {
    for (args, words) in [
        (&["--help"][..], &["plan", "verify", "list", "Exit status:", "AWS_PROFILE"][..]),
        (
            &["plan", "--help"],
            &["--child-zone-id", "--physical-id", "Examples:", "Exit status: 0 nothing to change"],
        ),
        (&["verify", "--help"], &["--child-only", "--resolver", "Examples:", "Exit status: 0"]),
        (&["list", "--help"], &["--check", "dangling", "unowned", "Exit status: 0 no alarm"]),
    ] {
        let ran = bare().run(args).ended(0).says(words);
        assert!(ran.err.is_empty(), "{ran:?}");
    }
    let help = bare().run(&["plan", "--help"]).out;
    for property in KNOWN {
        let kebab = property.replace("DsTTL", "DsTtl").replace("TTL", "Ttl").chars().fold(
            String::new(),
            |mut out, c| {
                if c.is_ascii_uppercase() {
                    out.push('-');
                }
                out.push(c.to_ascii_lowercase());
                out
            },
        );
        assert!(help.contains(&format!("-{kebab}")), "no flag for {property}");
    }
    bare().run(&["--version"]).ended(0).says(&["delegation "]);
}

#[test]
fn invalid_flags_are_errors() {
    for (args, words) in [
        (&[][..], "Usage"),
        (&["plna"], "plan"),
        (&["list", "--chekc"], "--check"),
        (&["list", "--unowned"], "--check"),
        (&["list", "--all-zones", "--parent-zone-name", "example.com"], "--all-zones"),
        (&["list", "--all-zones", "--finding", "broken"], "takeover, dangling"),
        (&["list", "--all-zones", "--json", "--json-lines"], "--json-lines"),
        (&["list", "--roles", "roles.txt"], "--all-zones"),
        (&["list", "--all-zones", "--owner", ""], "--owner"),
        (&["plan", "--physical-id", "Z1/a.b"], "--stack-id"),
        (&["plan", "--stack-id", "arn:x"], "--logical-id"),
        (&["verify", "a.b", "--resolver", "localhost"], "--resolver"),
        (&["verify", "a.b", "--dnssec"], "--child-zone-id"),
    ] {
        let ran = bare().run(args).ended(1);
        assert!(ran.out.is_empty() && ran.err.contains(words), "{ran:?}");
    }
    bare()
        .run(&["plan"])
        .ended(1)
        .complains(&["--child-zone-id is missing", "set --name-servers and --domain-name"]);
    let plan = ["plan", "--child-zone-id", "Z1"];
    for ttl in [&["--ttl", "-1"][..], &["--ttl=-1"]] {
        bare()
            .run(&[&plan[..], ttl].concat())
            .ended(1)
            .complains(&["--ttl \"-1\" must be a whole number"]);
    }
    bare()
        .run_with(&["plan", "--properties", "-"], "{\"ChildZoneId\": \"Z1\", \"TTL\": \"-1\"}")
        .ended(1)
        .complains(&["TTL \"-1\""]);
    bare().run(&["list"]).ended(1).complains(&["no parent zone is given", "--all-zones"]);
    let role = ["--parent-role-arn", "arn:aws:iam::111111111111:role/a"];
    let twice = [&["list", "--parent-zone-id", "Z1"], &role[..], &role].concat();
    bare().run(&twice).ended(1).complains(&["several roles require --all-zones"]);
    bare()
        .run(&["list", "--parent-zone-id", "Z-1"])
        .ended(1)
        .complains(&["--parent-zone-id", "1 to 31 upper-case letters"]);
    bare()
        .run(&["verify", "a.b", "--name-servers", "192.0.2.1"])
        .ended(1)
        .complains(&["--name-servers", "is an address"]);
    bare().run(&["verify", "a..b"]).ended(1).complains(&["not a domain name"]);
    bare().run(&["verify", "a.b", "--child-only"]).ended(1).complains(&["--child-only requires"]);
    bare()
        .run(&["verify", "a.b", "--ds", "x"])
        .ended(1)
        .complains(&["--ds \"x\": a DS record is", "12345 13 2"]);
}

/// The flags take the same lists as the properties, and hide the same values.
#[test]
fn an_external_id_with_commas_in_a_flag_of_a_list_is_not_repeated() {
    let plan = ["plan", "--child-zone-id", "Z1", "--dnssec"];
    for flag in ["--name-servers", "--key-signing-keys"] {
        let ran = bare().run(&[&plan[..], &[flag, "51af3dc0,da-77,11e4-872e"]].concat()).ended(1);
        assert!(ran.err.contains(flag), "{ran:?}");
        for part in ["51af3dc0", "da-77", "11e4"] {
            assert!(!ran.err.contains(part), "{ran:?}");
        }
    }
    for names in [
        &["--name-servers", "a.net,nil"][..],
        &["--name-servers", "a.net", "--name-servers", "nil"],
    ] {
        bare()
            .run(&[&plan[..], names].concat())
            .ended(1)
            .complains(&["\"nil\" has only one label"]);
    }
}

/// A person may paste the value without its flag, behind a misspelled one, or into another one.
#[test]
fn an_external_id_in_the_wrong_place_is_not_repeated() {
    const SECRET: &str = "51af3dc0-da77.11e4/872e";
    let role = ["--parent-role-arn", "arn:aws:iam::111111111111:role/a"];
    let with_equals = |flag: &str| format!("{flag}={SECRET}");
    let (misspelled, switch, boolean) = (
        with_equals("--parent-externl-id"),
        with_equals("--json"),
        with_equals("--allow-overwrite"),
    );
    let (dashed, twice_dashed) = (format!("-{SECRET}"), format!("--{SECRET}"));
    for args in [
        &[SECRET][..],
        &["plan", SECRET],
        &["plan", "--parent-external-id", "of two words", SECRET],
        &["plan", "--parent-external-id", &dashed],
        &["plan", "--parent-external-id", &twice_dashed],
        &["plan", "--parent-externl-id", SECRET],
        &["plan", &misspelled],
        &["plan", &switch],
        &["plan", &boolean],
        &["plan", "--ttl", SECRET],
        &["plan", "--verification", SECRET],
        &["plan", "--parent-zone-id", SECRET],
        &["plan", "--parent-role-arn", SECRET],
        &["plan", "--child-role-arn", SECRET, "--child-zone-id", "Z1"],
        &["plan", "--assume-role-region", SECRET],
        &["plan", "--parent-external-id", SECRET],
        &["verify", "testing.example.com", "--resolver", SECRET],
        &["verify", "testing.example.com", "--ds", SECRET],
        &["verify", &format!("{SECRET} of.example.com")],
        &["list", SECRET],
        &["list", "--all-zones", "--finding", SECRET],
        &["list", "--parent-zone-id", SECRET],
        &["list", "--all-zones", "--parent-role-arn", SECRET],
    ] {
        for args in [args.to_vec(), [args, &role[..]].concat()] {
            let ran = bare().run(&args).ended(1);
            let repeated = |part: &str| ran.out.contains(part) || ran.err.contains(part);
            assert!(!repeated("51af3dc0") && !repeated("872e"), "{args:?}: {ran:?}");
        }
    }
    let ran = bare().run_with(&["plan", "--properties", "-"], &format!("\"{SECRET}\"")).ended(1);
    assert!(!ran.err.contains("51af3dc0"), "{ran:?}");
}

#[test]
fn an_unreadable_file_is_reported_with_its_flag() {
    for args in [
        &["plan", "--properties", "/nowhere/x"][..],
        &["list", "--parent-zone-id", "Z1", "--stacks", "/nowhere/x"],
        &["list", "--parent-zone-id", "Z1", "--accepted", "/nowhere/x"],
        &["list", "--all-zones", "--roles", "/nowhere/x"],
    ] {
        let flag = args[args.len() - 2];
        bare().run(args).ended(1).complains(&[flag, "/nowhere/x: can't read the file"]);
    }
}

#[test]
fn template_functions_are_rejected() {
    for (value, function) in [
        (r#"{"Ref": "Zone"}"#, "Ref"),
        (r#"[{"Fn::GetAtt": ["Zone", "NameServers"]}]"#, "Fn::GetAtt"),
    ] {
        let properties = format!(r#"{{"ChildZoneId": {value}}}"#);
        let ran = bare().run_with(&["plan", "--properties", "-"], &properties).ended(1);
        ran.complains(&[
            "--properties",
            "ChildZoneId has the template function",
            function,
            "Replace it",
        ]);
    }
}

#[test]
fn findings_that_are_never_found_without_another_flag_are_rejected() {
    let list = ["list", "--parent-zone-id", "Z1", "--finding"];
    for (finding, flag) in
        [("missing,takeover", "--check"), ("unknown", "--check"), ("dead-claim", "--stacks")]
    {
        bare()
            .run(&[&list[..], &[finding]].concat())
            .ended(1)
            .complains(&["--finding", &format!("requires {flag}")]);
    }
}

#[test]
fn an_invalid_endpoint_is_reported_with_its_variable() {
    let args = ["list", "--parent-zone-id", "Z1"];
    let shell =
        bare().with("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").with("AWS_SECRET_ACCESS_KEY", "secret");
    let at = |url: &str| {
        Shell { env: shell.env.clone() }.with("AWS_ENDPOINT_URL", url).run(&args).ended(1)
    };
    at("127.0.0.1:1").complains(&["AWS_ENDPOINT_URL \"127.0.0.1:1\" must be a URL"]);
    // An external id that was entered here by mistake.
    at(&"0123456789abcdef".repeat(4)).complains(&["AWS_ENDPOINT_URL (a value of 64 characters"]);
    // Nobody listens on the first port of the loopback interface.
    at("http://127.0.0.1:1").complains(&[
        "Connection refused",
        "Check the network",
        "AWS_ENDPOINT_URL",
    ]);
}

#[test]
fn without_credentials_the_error_says_how_to_get_them() {
    bare()
        .run(&["list", "--parent-zone-id", "Z1"])
        .ended(1)
        .complains(&["there are no AWS credentials", "--profile"]);
}

#[tokio::test]
async fn profiles_are_read_like_the_aws_cli_reads_them() {
    let fixture = Fixture::behind_sockets().await;
    let key = fixture.parent_account.user_credentials();
    let folder = std::env::temp_dir().join(format!("delegation-profile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let script = folder.join("credentials.sh");
    let text = serde_json::json!({
        "Version": 1, "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key,
    });
    std::fs::write(&script, format!("cat <<'END'\n{text}\nEND\n")).unwrap();
    let config = folder.join("config");
    let profile =
        |name: &str, lines: String| format!("[profile {name}]\nregion = eu-west-1\n{lines}\n");
    let text = [
        profile(
            "key",
            format!(
                "aws_access_key_id = {}\naws_secret_access_key = {}",
                key.access_key_id, key.secret_access_key
            ),
        ),
        profile("process", format!("credential_process = sh {}", script.display())),
    ];
    std::fs::write(&config, text.concat()).unwrap();
    let shell = bare()
        .with("AWS_CONFIG_FILE", config.display())
        .with("AWS_ENDPOINT_URL", fixture.aws.endpoint_url())
        .with("PATH", std::env::var("PATH").unwrap());
    let args = ["list", "--parent-zone-name", "example.com"];
    for name in ["key", "process"] {
        shell.run(&[&args[..], &["--profile", name]].concat()).ended(0).says(&["example.com"]);
    }
    let shell = shell.with("AWS_PROFILE", "key");
    shell.run(&args).ended(0);
    shell
        .run(&[&args[..], &["--profile", "nosuch"]].concat())
        .ended(1)
        .complains(&["no AWS credentials", "nosuch"]);
    // Keys in the environment that belong to somebody else.
    let shell = shell.with("AWS_ACCESS_KEY_ID", "AKIAOTHER").with("AWS_SECRET_ACCESS_KEY", "other");
    shell.run(&[&args[..], &["--profile", "key"]].concat()).ended(0).says(&["example.com"]);
    shell
        .run(&[&args[..], &["--profile", "nosuch"]].concat())
        .ended(1)
        .complains(&["no AWS credentials", "nosuch"]);
    std::fs::remove_dir_all(folder).unwrap();
}
