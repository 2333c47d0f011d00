use super::*;

const PATH: &str = "arn%3Aaws%3Acloudformation%3Aeu-west-1%3A222222222222%3Astack/s/1%7CDelegation%7C2";
const BUCKET: &str = "cloudformation-custom-resource-response";

fn parse(url: &str) -> Result<ResponseUrl, ResponseUrlError> {
    ResponseUrl::parse(url, &[])
}

#[test]
fn the_hosts_that_cloudformation_uses() {
    for host in [
        "useast1.s3.amazonaws.com",
        "euwest1.s3-eu-west-1.amazonaws.com",
        "euwest1.s3.eu-west-1.amazonaws.com",
        "euwest1.s3.dualstack.eu-west-1.amazonaws.com",
        "cnnorth1.s3.cn-north-1.amazonaws.com.cn",
        "usgovwest1.s3-us-gov-west-1.amazonaws.com",
        "usgovwest1.s3-fips.us-gov-west-1.amazonaws.com",
        "euscdeeast1.s3.eusc-de-east-1.amazonaws.eu",
        "usisoeast1.s3.us-iso-east-1.c2s.ic.gov",
    ] {
        assert!(parse(&format!("https://{BUCKET}-{host}/{PATH}?X-Amz-Date=x")).is_ok(), "{host}");
    }
    for host in ["s3.amazonaws.com", "s3-eu-west-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"] {
        assert!(parse(&format!("https://{host}/{BUCKET}-euwest1/{PATH}")).is_ok(), "path style on {host}");
    }
}

#[test]
fn other_hosts_are_refused() {
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
        assert_eq!(parse(&url), Err(ResponseUrlError::Host), "{url}");
    }
    assert_eq!(parse(&format!("http://{BUCKET}-useast1.s3.amazonaws.com/x")), Err(ResponseUrlError::Scheme));
    assert_eq!(parse("file:///etc/passwd"), Err(ResponseUrlError::Malformed));
    assert_eq!(parse("nonsense"), Err(ResponseUrlError::Malformed));
}

#[test]
fn local_hosts_only_when_named() {
    let hosts = ["127.0.0.1:4566".to_owned(), "localhost".to_owned()];
    assert!(ResponseUrl::parse("http://127.0.0.1:4566/x", &hosts).is_ok());
    assert!(ResponseUrl::parse("http://localhost:1234/x", &hosts).is_ok());
    assert!(ResponseUrl::parse("http://127.0.0.1:4567/x", &hosts).is_err());
    assert!(ResponseUrl::parse("ftp://localhost/x", &hosts).is_err());
}

#[test]
fn the_time_of_the_request_is_the_signing() {
    let at = |query: &str| parse(&format!("https://{BUCKET}-useast1.s3.amazonaws.com/x?{query}")).unwrap().signed_at();
    assert_eq!(at("X-Amz-Date=20231114T221320Z&X-Amz-Expires=7200"), Some(1_700_000_000));
    assert_eq!(at("AWSAccessKeyId=A&Expires=1700007200&Signature=s"), Some(1_700_000_000));
    assert_eq!(at("X-Amz-Date=yesterday"), None);
    assert_eq!(at("Expires=soon"), None);
    assert_eq!(at("x=y"), None);
}

#[test]
fn debug_shows_nothing() {
    let url = parse(&format!("https://{BUCKET}-useast1.s3.amazonaws.com/x?X-Amz-Signature=secret")).unwrap();
    assert_eq!(format!("{url:?}"), "ResponseUrl(…)");
}
