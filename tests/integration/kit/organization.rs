//! What the templates allow by the organization's id.

use sandbox::Sandbox;
use sandbox::template::Template;
use serde_json::{Value, json};

use crate::kit::documents::{DIGEST, FUNCTION_ROLE, ORGANIZATION, everything};

const PUBLISH: &str = "sns:Publish";
const TOPIC: &str = "arn:aws:sns:us-east-1:111111111111:Topic";

#[tokio::test]
async fn the_topic_accepts_requests_only_of_the_organization() {
    let aws = Sandbox::start().await.unwrap();
    let template =
        Template::read("template.yaml", &[("OrganizationId", ORGANIZATION), ("Topic", TOPIC)]);
    let policy = template.resource("/TopicPolicy/Properties/PolicyDocument");
    let deployer = |account: &str| aws.account(account).role("deployer").policy(everything());
    aws.account("222222222222").set_org(ORGANIZATION);
    aws.account("444444444444").set_org("o-anotherorgid");
    assert!(deployer("222222222222").may_by(policy.clone(), PUBLISH, TOPIC));
    for stranger in ["444444444444", "666666666666"] {
        assert!(!deployer(stranger).may_by(policy.clone(), PUBLISH, TOPIC), "{stranger}");
    }
    assert!(
        !deployer("222222222222").may_by(policy.clone(), "sns:Subscribe", TOPIC),
        "a subscriber could read all requests"
    );
    let mut open: Value = policy;
    open["Statement"][0]["Condition"] = json!({});
    assert!(
        deployer("444444444444").may_by(open, PUBLISH, TOPIC),
        "only the condition may keep strangers out"
    );
}

/// The parent role may trust the organization, accounts, both, or nobody outside its own account.
#[tokio::test]
async fn the_parent_role_trusts_those_that_its_parameters_name() {
    let aws = Sandbox::start().await.unwrap();
    aws.account("222222222222").set_org(ORGANIZATION);
    let assumes = async |account: &str, parameters: &[(&str, &str)]| {
        let fixed = [
            ("ParentZoneId", "Z1"),
            ("Names", "testing.example.com"),
            ("ExternalId", "an-external-id"),
            ("AWS::AccountId", "111111111111"),
        ];
        let template =
            Template::read("examples/parent-role.yaml", &[&fixed[..], parameters].concat());
        let trust = template.resource("/ParentRole/Properties/AssumeRolePolicyDocument");
        let parent = aws.account("111111111111").role("route53-delegation-parent").trust(trust);
        let function = aws.account(account).role(FUNCTION_ROLE).policy(everything());
        let call = crate::kit::call::Call::Assume(parent.arn(), Some("an-external-id"));
        let http = custom_delegation::http::client(None).unwrap();
        call.is_allowed(&aws.endpoint_url(), &http, function.credentials()).await
    };
    aws.account("222222222222")
        .set_org_path("o-exampleorgid/r-exam/ou-exam-example1/ou-exam-example2/");
    let organization = ("OrganizationId", ORGANIZATION);
    let unit = |path: &'static str| ("OrganizationPaths", path);
    for (account, parameters, expected) in [
        ("222222222222", vec![unit("o-exampleorgid/r-exam/ou-exam-example1/*")], true),
        (
            "222222222222",
            vec![unit("o-exampleorgid/r-exam/ou-exam-example1/ou-exam-example2/")],
            true,
        ),
        ("222222222222", vec![unit("o-exampleorgid/r-exam/ou-exam-example1/")], false),
        (
            "222222222222",
            vec![unit("o-exampleorgid/r-exam/ou-exam-example3/*"), organization],
            false,
        ),
        ("444444444444", vec![unit("o-exampleorgid/r-exam/ou-exam-example1/*")], false),
        ("222222222222", vec![organization], true),
        ("444444444444", vec![organization], false),
        ("444444444444", vec![("FunctionAccounts", "444444444444")], true),
        ("222222222222", vec![("FunctionAccounts", "444444444444")], false),
        ("444444444444", vec![("FunctionAccounts", "444444444444"), organization], false),
        ("111111111111", vec![], true),
        ("222222222222", vec![], false),
    ] {
        assert_eq!(assumes(account, &parameters).await, expected, "{account} with {parameters:?}");
    }
}

#[test]
fn parameters_reject_values_that_would_allow_too_much() {
    let fixed = [
        ("ParentZoneId", "Z1"),
        ("Names", "testing.example.com"),
        ("ExternalId", "an-external-id"),
    ];
    let parent = Template::read("examples/parent-role.yaml", &fixed);
    for (name, value, expected) in [
        ("Names", "testing.example.com,*.dev.example.com", true),
        ("Names", "*.example.com", true),
        ("Names", "*", false),
        ("Names", "*.com", false),
        ("Names", "test*.example.com", false),
        ("Names", "testing.example.com,*", false),
        ("Names", "Testing.example.com", false),
        ("Names", "testing.example.com.", false),
        ("Names", "_msdcs.example.com", false),
        ("Names", "*._tcp.example.com", false),
        ("Names", "*.a._tcp.example.com", false),
        ("Names", "under_score.example.com", true),
        ("UnderscoreNames", "_msdcs.example.com,_sites.example.com", true),
        ("UnderscoreNames", "*._tcp.example.com", false),
        ("UnderscoreNames", "_443._tcp.example.com", false),
        ("UnderscoreNames", "msdcs.example.com", false),
        ("OrganizationPaths", "o-exampleorgid/r-exam/ou-exam-example1/*", true),
        ("OrganizationPaths", "o-exampleorgid/r-exam/", true),
        ("OrganizationPaths", "o-exampleorgid/*", false),
        ("OrganizationPaths", "*", false),
        ("PermissionsBoundary", "team/boundary", true),
        ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/boundary", false),
        ("ParentZoneId", "*", false),
        ("ParentZoneId", "Z1", true),
        ("FunctionAccounts", "*", false),
        ("FunctionAccounts", "222222222222", true),
        ("OrganizationId", "o-exampleorgid", true),
        ("OrganizationId", "*", false),
    ] {
        assert_eq!(parent.accepts(name, value), expected, "{name} {value}");
    }
    let function = Template::read("template.yaml", &[]);
    for (name, value, expected) in [
        ("ParentRoleArns", "", true),
        (
            "ParentRoleArns",
            "arn:aws:iam::111111111111:role/parent,arn:aws-cn:iam::111111111111:role/x/parent",
            true,
        ),
        ("ParentRoleArns", "*", false),
        ("ParentRoleArns", "arn:aws:iam::*:role/parent", false),
        ("OrganizationId", "*", false),
        ("DnsResolver", "192.0.2.53:53", true),
        ("DnsResolver", "[2001:db8::53]:5353", true),
        ("DnsResolver", "resolver.example.com", false),
        ("DnsAnyAddress", "true", true),
        ("HttpsProxy", "http://proxy.example.com:3128", true),
        ("HttpsProxy", "http://[2001:db8::1]:3128", true),
        ("HttpsProxy", "http://user:password@proxy.example.com:3128", false),
        ("HttpsProxy", "proxy.example.com:3128", false),
        ("NoProxy", ".amazonaws.com, 10.0.0.0/8", true),
        ("NoProxy", "a;b", false),
        ("AllowedNames", "testing.example.com, *.dev.example.com", true),
        ("AllowedNames", "testing.example.com;", false),
        ("CodeSha256", DIGEST, true),
        ("CodeSha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false),
        ("AlarmTopic", "111111111111:alarms", true),
        ("AlarmTopic", "arn:aws:sns:us-east-1:111111111111:alarms", false),
        ("KmsKey", "111111111111:key/mrk-1234", true),
        ("KmsKey", "alias/key", false),
    ] {
        assert_eq!(function.accepts(name, value), expected, "{name} {value}");
    }
}

/// `lambda/network.rs` tests what these variables do.
#[test]
fn proxy_and_endpoints_are_variables_of_the_function() {
    let variables = |given: &[(&str, &str)]| {
        let mut values = vec![("FunctionRole.Arn", "role"), ("FailedEvents.Arn", "queue")];
        values.extend(given);
        let template = Template::read("template.yaml", &values);
        let mut variables =
            template.resource("/DelegationFunction/Properties/Environment/Variables");
        let variables = variables.as_object_mut().unwrap();
        variables.retain(|name, value| !name.starts_with("DELEGATION_") && !value.is_null());
        json!(variables)
    };
    assert_eq!(variables(&[]), json!({}));
    assert_eq!(
        variables(&[("NoProxy", "10.0.0.0/8")]),
        json!({}),
        "without a proxy, there must be no exceptions from it"
    );
    let proxy = [("HttpsProxy", "http://proxy.example.com:3128"), ("NoProxy", ".amazonaws.com")];
    assert_eq!(
        variables(&proxy),
        json!({"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": ".amazonaws.com"})
    );
    let (fips, dual_stack) = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT");
    assert_eq!(variables(&[("Endpoints", "FIPS")]), json!({fips: "true"}));
    assert_eq!(variables(&[("Endpoints", "DUAL_STACK")]), json!({dual_stack: "true"}));
    assert_eq!(
        variables(&[("Endpoints", "FIPS_DUAL_STACK")]),
        json!({fips: "true", dual_stack: "true"})
    );
}
