//! What the templates allow by the organization's id.

use sandbox::Sandbox;
use sandbox::template::Template;
use serde_json::{Value, json};

use crate::deployment::documents::{DIGEST, FUNCTION_ROLE, ORGANIZATION, everything};

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
        let call = crate::deployment::call::Call::Assume(parent.arn(), Some("an-external-id"));
        let http = custom_delegation::http::client(None).unwrap();
        call.is_allowed(&aws.endpoint_url(), &http, function.credentials()).await
    };
    aws.account("222222222222")
        .set_org_path("o-exampleorgid/r-exam/ou-exam-example1/ou-exam-example2/");
    let organization = ("OrganizationId", ORGANIZATION);
    let unit = |path: &'static str| ("OrganizationPaths", path);
    for (account, parameters) in [
        ("222222222222", vec![unit("o-exampleorgid/r-exam/ou-exam-example1/*")]),
        ("222222222222", vec![unit("o-exampleorgid/r-exam/ou-exam-example1/ou-exam-example2/")]),
        ("222222222222", vec![organization]),
        ("444444444444", vec![("FunctionAccounts", "444444444444")]),
        ("111111111111", vec![]),
    ] {
        assert!(assumes(account, &parameters).await, "{account} with {parameters:?}");
    }
    for (account, parameters) in [
        ("222222222222", vec![unit("o-exampleorgid/r-exam/ou-exam-example1/")]),
        ("222222222222", vec![unit("o-exampleorgid/r-exam/ou-exam-example3/*"), organization]),
        ("444444444444", vec![unit("o-exampleorgid/r-exam/ou-exam-example1/*")]),
        ("444444444444", vec![organization]),
        ("222222222222", vec![("FunctionAccounts", "444444444444")]),
        ("444444444444", vec![("FunctionAccounts", "444444444444"), organization]),
        ("222222222222", vec![]),
    ] {
        assert!(!assumes(account, &parameters).await, "{account} with {parameters:?}");
    }
}

/// Values that a parameter must accept, and values that would allow too much.
struct Values {
    parameter: &'static str,
    accepted: &'static [&'static str],
    rejected: &'static [&'static str],
}

impl Values {
    fn check(&self, template: &Template) {
        for value in self.accepted {
            assert!(template.accepts(self.parameter, value), "{} {value}", self.parameter);
        }
        for value in self.rejected {
            assert!(!template.accepts(self.parameter, value), "{} {value}", self.parameter);
        }
    }
}

const OF_THE_PARENT_ROLE: [Values; 7] = [
    Values {
        parameter: "Names",
        accepted: &[
            "testing.example.com,*.dev.example.com",
            "*.example.com",
            "under_score.example.com",
        ],
        rejected: &[
            "*",
            "*.com",
            "test*.example.com",
            "testing.example.com,*",
            "Testing.example.com",
            "testing.example.com.",
            "_msdcs.example.com",
            "*._tcp.example.com",
            "*.a._tcp.example.com",
        ],
    },
    Values {
        parameter: "UnderscoreNames",
        // The last is the ownership record of a long name.
        accepted: &[
            "_msdcs.example.com,_sites.example.com",
            "_delegationdigest-c894ed5b38a69284.example.com",
        ],
        rejected: &[
            "*._tcp.example.com",
            "_443._tcp.example.com",
            "msdcs.example.com",
            "_delegationdigest-*.example.com",
            "_delegation-*.example.com",
        ],
    },
    Values {
        parameter: "OrganizationPaths",
        accepted: &["o-exampleorgid/r-exam/ou-exam-example1/*", "o-exampleorgid/r-exam/"],
        rejected: &["o-exampleorgid/*", "*"],
    },
    Values {
        parameter: "PermissionsBoundary",
        accepted: &["team/boundary"],
        rejected: &["arn:aws:iam::222222222222:policy/boundary"],
    },
    Values { parameter: "ParentZoneId", accepted: &["Z1"], rejected: &["*"] },
    Values { parameter: "FunctionAccounts", accepted: &["222222222222"], rejected: &["*"] },
    Values { parameter: "OrganizationId", accepted: &["o-exampleorgid"], rejected: &["*"] },
];

const OF_THE_FUNCTION: [Values; 10] = [
    Values {
        parameter: "ParentRoleArns",
        accepted: &[
            "",
            "arn:aws:iam::111111111111:role/parent,arn:aws-cn:iam::111111111111:role/x/parent",
        ],
        rejected: &["*", "arn:aws:iam::*:role/parent"],
    },
    Values { parameter: "OrganizationId", accepted: &[], rejected: &["*"] },
    Values {
        parameter: "DnsResolver",
        accepted: &["192.0.2.53:53", "[2001:db8::53]:5353"],
        rejected: &["resolver.example.com"],
    },
    Values { parameter: "DnsAnyAddress", accepted: &["true"], rejected: &[] },
    Values {
        parameter: "HttpsProxy",
        accepted: &["http://proxy.example.com:3128", "http://[2001:db8::1]:3128"],
        rejected: &["http://user:password@proxy.example.com:3128", "proxy.example.com:3128"],
    },
    Values { parameter: "NoProxy", accepted: &[".amazonaws.com, 10.0.0.0/8"], rejected: &["a;b"] },
    Values {
        parameter: "AllowedNames",
        accepted: &["testing.example.com, *.dev.example.com"],
        rejected: &["testing.example.com;"],
    },
    Values {
        parameter: "CodeSha256",
        accepted: &[DIGEST],
        rejected: &["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    },
    Values {
        parameter: "AlarmTopic",
        accepted: &["111111111111:alarms"],
        rejected: &["arn:aws:sns:us-east-1:111111111111:alarms"],
    },
    Values {
        parameter: "KmsKey",
        accepted: &["111111111111:key/mrk-1234"],
        rejected: &["alias/key"],
    },
];

#[test]
fn parameters_reject_values_that_would_allow_too_much() {
    let fixed = [
        ("ParentZoneId", "Z1"),
        ("Names", "testing.example.com"),
        ("ExternalId", "an-external-id"),
    ];
    let parent = Template::read("examples/parent-role.yaml", &fixed);
    for values in OF_THE_PARENT_ROLE {
        values.check(&parent);
    }
    let function = Template::read("template.yaml", &[]);
    for values in OF_THE_FUNCTION {
        values.check(&function);
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
