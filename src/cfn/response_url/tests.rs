use super::*;

const PATH: &str =
    "arn%3Aaws%3Acloudformation%3Aeu-west-1%3A222222222222%3Astack/s/1%7CDelegation%7C2";
const BUCKET: &str = "cloudformation-custom-resource-response";

fn stack_in(region: &str) -> String {
    format!("arn:aws:cloudformation:{region}:222222222222:stack/s/1")
}

/// Parses a URL in a function in us-east-1, for a stack in us-east-1.
fn parse(url: &str) -> Result<ResponseUrl, ResponseUrlError> {
    parse_in("us-east-1", url)
}

fn parse_in(region: &str, url: &str) -> Result<ResponseUrl, ResponseUrlError> {
    ResponseUrl::parse(
        url,
        &stack_in(region),
        AcceptedHosts { region: Some(region), local_hosts: &[] },
    )
}

fn host_error() -> ResponseUrlError {
    ResponseUrlError::Host(format!("{BUCKET}-useast1"))
}

#[test]
fn the_hosts_that_cloudformation_uses_are_accepted() {
    for (region, host) in [
        ("us-east-1", "useast1.s3.amazonaws.com"),
        ("us-east-1", "useast1.s3.us-east-1.amazonaws.com"),
        ("us-east-1", "useast1.s3-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", "euwest1.s3.amazonaws.com"),
        ("eu-west-1", "euwest1.s3-eu-west-1.amazonaws.com"),
        ("eu-west-1", "euwest1.s3.eu-west-1.amazonaws.com"),
        ("eu-west-1", "euwest1.s3.dualstack.eu-west-1.amazonaws.com"),
        ("ap-southeast-7", "apsoutheast7.s3.ap-southeast-7.amazonaws.com"),
        ("cn-north-1", "cnnorth1.s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "usgovwest1.s3-us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", "usgovwest1.s3-fips.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "euscdeeast1.s3.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", "usisoeast1.s3.us-iso-east-1.c2s.ic.gov"),
    ] {
        let url = format!("https://{BUCKET}-{host}/{PATH}?X-Amz-Date=x");
        assert!(parse_in(region, &url).is_ok(), "{host}");
    }
}

#[test]
fn other_hosts_are_rejected() {
    for url in [
        format!("https://example.com/{BUCKET}-useast1/x"),
        format!("https://{BUCKET}-useast1.s3.amazonaws.com.example.com/x"),
        format!("https://{BUCKET}-useast1.example.com/s3.amazonaws.com"),
        format!("https://{BUCKET}-useast1.s3.amazonaws.com@example.com/x"),
        format!("https://user@{BUCKET}-useast1.s3.amazonaws.com/x"),
        format!("https://{BUCKET}-useast1.s3.amazonaws.com:8443/x"),
        format!("https://{BUCKET}-.s3.amazonaws.com/x"),
        format!("https://{BUCKET}-useast1.s3-website-us-east-1.amazonaws.com/x"),
        format!("https://{BUCKET}-useast1.ec2.us-east-1.amazonaws.com/x"),
        format!("https://{BUCKET}-useast1.s3.evil.us-east-1.amazonaws.com/x"),
        format!("https://{BUCKET}-useast1.s3-1.amazonaws.com/x"),
        format!("https://{BUCKET}-useast1.evils3.amazonaws.com/x"),
        "https://other-bucket.s3.amazonaws.com/x".to_owned(),
        "https://s3.amazonaws.com/other-bucket/x".to_owned(),
        "https://169.254.169.254/latest".to_owned(),
    ] {
        assert_eq!(parse(&url), Err(host_error()), "{url}");
    }
    assert_eq!(
        parse(&format!("http://{BUCKET}-useast1.s3.amazonaws.com/x")),
        Err(ResponseUrlError::Scheme)
    );
    assert_eq!(parse("file:///etc/passwd"), Err(ResponseUrlError::Malformed));
    assert_eq!(parse("nonsense"), Err(ResponseUrlError::Malformed));
}

/// URLs whose host one parser may see differently than another. Only the host that requests are
/// sent to counts.
#[test]
fn spellings_that_hide_the_host_are_rejected() {
    let host = format!("{BUCKET}-useast1.s3.amazonaws.com");
    for url in [
        format!("https://evil.example\\@{host}/x"),
        format!("https://evil.example#@{host}/x"),
        format!("https://evil.example?@{host}/x"),
        format!("https://evil.example/@{host}/x"),
        format!("https://{host}%2eevil.example/x"),
        format!("https://{host}\t.evil.example/x"),
        format!("https://{host}\n.evil.example/x"),
        format!("https://{host}\u{3002}evil.example/x"),
        format!("https://{host}\u{200b}.evil.example/x"),
        format!("https://{host}./x"),
        format!("https://{host}:0443@evil.example/x"),
        format!("https://:secret@{host}/x"),
        format!("https://{host}:80/x"),
        format!("https://s3.amazonaws.com/{host}/x"),
        format!("//{host}/x"),
        "https://0x7f.1/x".to_owned(),
        "https://2130706433/x".to_owned(),
        "https://[::ffff:169.254.169.254]/x".to_owned(),
    ] {
        assert!(parse(&url).is_err(), "{url:?}");
    }
    // Another case of the host, or the default port, make no difference.
    for url in [
        format!("HTTPS://{}:443/x", host.to_uppercase()),
        format!("https://{BUCKET}-usea%73t1.s3.amazonaws.com/x"),
    ] {
        assert_eq!(parse(&url).unwrap().expose().host_str(), Some(host.as_str()), "{url}");
    }
    let local = ["localhost".to_owned()];
    let parse = |url: &str| {
        ResponseUrl::parse(url, "s", AcceptedHosts { region: None, local_hosts: &local })
    };
    for url in [
        "http://localhost@evil.example/x",
        "http://localhost.evil.example/x",
        "http://a:b@localhost/x",
    ] {
        assert!(parse(url).is_err(), "{url}");
    }
}

#[test]
fn buckets_of_others_are_rejected() {
    for host in [
        // Anybody can own a bucket like this.
        "evil.s3.amazonaws.com",
        "useast11.s3.amazonaws.com",
        "useast1-evil.s3.amazonaws.com",
        "useast1.evil.s3.amazonaws.com",
        "us-east-1.s3.amazonaws.com",
        // CloudFormation's bucket of another Region or partition than that of the stack and the
        // function.
        "euwest1.s3.amazonaws.com",
        "euwest1.s3.eu-west-1.amazonaws.com",
        "useast1.s3.eu-west-1.amazonaws.com",
        "useast1.s3.us-east-1.amazonaws.com.cn",
        "useast1.s3.amazonaws.eu",
        "useast1.s3.us-east-1.c2s.ic.gov",
        // Endpoints that S3 does not have.
        "useast1.s3.fips.us-east-1.amazonaws.com",
        "useast1.s3-accelerate.amazonaws.com",
        "useast1.s3.xx-evil-1.amazonaws.com",
    ] {
        assert_eq!(parse(&format!("https://{BUCKET}-{host}/x")), Err(host_error()), "{host}");
    }
    for host in
        ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3-fips.us-east-1.amazonaws.com"]
    {
        assert_eq!(
            parse(&format!("https://{host}/{BUCKET}-useast1/x")),
            Err(host_error()),
            "path style on {host}"
        );
    }
    let dashed = format!("https://{BUCKET}-apsoutheast7.s3-ap-southeast-7.amazonaws.com/x");
    assert!(parse_in("ap-southeast-7", &dashed).is_err(), "a Region without this form");
    let fips = format!("https://{BUCKET}-euwest1.s3-fips.eu-west-1.amazonaws.com/x");
    assert!(parse_in("eu-west-1", &fips).is_err(), "a Region without FIPS endpoints");
}

#[test]
fn the_stack_must_be_in_the_function_s_region() {
    let url =
        |region: &str| format!("https://{BUCKET}-{}.s3.amazonaws.com/x", region.replace('-', ""));
    let here = AcceptedHosts { region: Some("eu-west-1"), local_hosts: &[] };
    let region_error = Err(ResponseUrlError::Region("eu-west-1".into()));
    for stack_id in
        [stack_in("us-east-1"), "arn:aws:cloudformation::222222222222:stack/s/1".into(), "s".into()]
    {
        assert_eq!(
            ResponseUrl::parse(&url("us-east-1"), &stack_id, here),
            region_error,
            "{stack_id}"
        );
        assert_eq!(
            ResponseUrl::parse(&url("eu-west-1"), &stack_id, here),
            region_error,
            "{stack_id}"
        );
    }
    // A function that does not know its Region accepts no event.
    let nowhere = AcceptedHosts { region: None, local_hosts: &[] };
    let parsed = ResponseUrl::parse(&url("xx-evil-1"), &stack_in("xx-evil-1"), nowhere);
    assert_eq!(parsed, Err(ResponseUrlError::NoRegion));
}

#[test]
fn local_hosts_must_be_configured() {
    let hosts = ["127.0.0.1:4566".to_owned(), "localhost".to_owned()];
    let parse = |url: &str| {
        ResponseUrl::parse(url, "s", AcceptedHosts { region: None, local_hosts: &hosts })
    };
    assert!(parse("http://127.0.0.1:4566/x").is_ok());
    assert!(parse("http://localhost:1234/x").is_ok());
    assert!(parse("http://127.0.0.1:4567/x").is_err());
    assert!(parse("ftp://localhost/x").is_err());
}

#[test]
fn the_time_of_signing_is_parsed() {
    let at = |query: &str| {
        parse(&format!("https://{BUCKET}-useast1.s3.amazonaws.com/x?{query}")).unwrap().signed_at()
    };
    assert_eq!(at("X-Amz-Date=20231114T221320Z&X-Amz-Expires=7200"), Some(1_700_000_000));
    assert_eq!(at("AWSAccessKeyId=A&Expires=1700007200&Signature=s"), Some(1_700_000_000));
    assert_eq!(at("X-Amz-Date=yesterday"), None);
    assert_eq!(at("Expires=soon"), None);
    assert_eq!(at("x=y"), None);
}

#[test]
fn debug_output_does_not_contain_the_url() {
    let url = parse(&format!("https://{BUCKET}-useast1.s3.amazonaws.com/x?X-Amz-Signature=secret"))
        .unwrap();
    assert_eq!(format!("{url:?}"), "ResponseUrl(…)");
}
