//! One round trip of the real `bootstrap` with moto, a third-party AWS emulator, in server mode.
//!
//! `make test` sets `MOTO_SERVER` to its program. The test only checks that an independent
//! implementation of the APIs agrees with ours. moto's Route 53 accepts changes that the service
//! rejects, so the rules are tested on the sandbox.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningInstructions,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use custom_delegation::http::Client;
use http::{Method, Request, StatusCode};
use sandbox::{Function, Invocation, LambdaProcess};
use serde_json::{Value, json};
use test_support::NAME;

use crate::program::{bootstrap, variables};

const BUCKET: &str = "cloudformation-custom-resource-response-useast1";
const STACK: &str =
    "arn:aws:cloudformation:us-east-1:222222222222:stack/mine/51af3dc0-da77-11e4-872e-1234567db123";
/// The time limit for the start of moto, which imports many Python modules, and for each response.
const START: Duration = Duration::from_mins(5);

/// A running moto, which is killed when dropped.
struct Moto {
    process: Child,
    url: String,
    http: Client,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Moto {
    /// Starts it on a free port, which it prints to standard error, and waits until it responds
    /// there.
    async fn start(program: &OsStr) -> Self {
        let mut command = Command::new(program);
        command
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process =
            command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let http = custom_delegation::http::client(None).unwrap();
        let mut moto = Self { process, url: String::new(), http };
        let (sender, url) = mpsc::channel();
        // The thread reads until the end, because a full pipe would block the server.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    let _ = sender.send(url.trim().to_owned());
                }
            }
        });
        moto.url = url.recv_timeout(START).expect("moto did not print its address");
        let ready = Request::get(format!("{}/moto-api/data.json", moto.url));
        assert!(moto.send(ready.body(String::new()).unwrap()).await.0.is_success());
        moto
    }

    fn host(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    async fn send(&self, request: Request<String>) -> (StatusCode, String) {
        let answer = tokio::time::timeout(START, self.http.send(request.map(Into::into)))
            .await
            .unwrap()
            .unwrap();
        (answer.status(), String::from_utf8_lossy(answer.body()).into_owned())
    }

    /// Sends a call with a signature in its headers.
    async fn ask(&self, keys: &Credentials, call: Call<'_>) -> String {
        let Call { service, method, path, body } = call;
        let url = format!("{}{path}", self.url);
        let request = Unsigned { service, method: &method, url: &url, body };
        let instructions = request.sign(keys, SigningSettings::default());
        let mut request = Request::builder().method(method).uri(url);
        if service == "sts" {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let (status, text) = self.send(request.body(body.to_owned()).unwrap()).await;
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    /// Returns a presigned URL of S3.
    fn presigned(&self, method: &Method, path: &str) -> String {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_hours(2));
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let mut url = url::Url::parse(&format!("{}{path}", self.url)).unwrap();
        let request = Unsigned { service: "s3", method, url: url.as_str(), body: "" };
        let instructions = request.sign(&cloudformation(), settings);
        url.query_pairs_mut()
            .extend_pairs(instructions.params().iter().map(|(key, value)| (key, value)));
        url.into()
    }

    async fn s3(&self, method: Method, path: &str) -> (u16, String) {
        let url = self.presigned(&method, path);
        let request = Request::builder().method(method).uri(url).header("content-length", 0);
        let (status, text) = self.send(request.body(String::new()).unwrap()).await;
        (status.as_u16(), text)
    }

    /// Returns the credentials of a role. moto takes the account from the ARN, and has no trust
    /// policies.
    async fn assume(&self, account: &str, role: &str) -> Credentials {
        let arn = format!("arn:aws:iam::{account}:role/{role}");
        let body =
            format!("Action=AssumeRole&Version=2011-06-15&RoleSessionName=test&RoleArn={arn}");
        let call = Call { service: "sts", method: Method::POST, path: "/", body: &body };
        let answer = self.ask(&cloudformation(), call).await;
        let field = |name: &str| element(&answer, name);
        Credentials::new(
            field("AccessKeyId"),
            field("SecretAccessKey"),
            Some(field("SessionToken")),
            None,
            "moto",
        )
    }

    async fn create_zone(&self, keys: &Credentials, name: &str) -> String {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
             <CallerReference>{name}</CallerReference></CreateHostedZoneRequest>"
        );
        let path = "/2013-04-01/hostedzone";
        let call = Call { service: "route53", method: Method::POST, path, body: &body };
        let answer = self.ask(keys, call).await;
        element(&answer, "Id").trim_start_matches("/hostedzone/").to_owned()
    }

    /// Creates zones until one has an id that `ChildZoneId` may have. Route 53's ids begin with
    /// `Z`, and moto's with any letter or digit.
    async fn create_child_zone(&self, keys: &Credentials, name: &str) -> String {
        loop {
            let id = self.create_zone(keys, name).await;
            if id.starts_with('Z') {
                return id;
            }
        }
    }

    /// Returns the record sets of a zone as XML elements.
    async fn records(&self, keys: &Credentials, zone: &str) -> Vec<String> {
        let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
        let call = Call { service: "route53", method: Method::GET, path: &path, body: "" };
        let listing = self.ask(keys, call).await;
        let sets = listing.split("<ResourceRecordSet>").skip(1);
        sets.map(|set| set.split("</ResourceRecordSet>").next().unwrap().to_owned()).collect()
    }
}

/// The credentials of the account that has the response bucket and signs its URLs.
fn cloudformation() -> Credentials {
    Credentials::new("AKIACLOUDFORMATION00", "a-secret", None, None, "test")
}

/// A call of a service.
struct Call<'a> {
    service: &'a str,
    method: Method,
    path: &'a str,
    body: &'a str,
}

/// A request of a service before it is signed.
struct Unsigned<'a> {
    service: &'a str,
    method: &'a Method,
    url: &'a str,
    body: &'a str,
}

impl Unsigned<'_> {
    fn sign(self, keys: &Credentials, settings: SigningSettings) -> SigningInstructions {
        let identity = keys.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(self.service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let body = SignableBody::Bytes(self.body.as_bytes());
        let headers = std::iter::empty();
        let request = SignableRequest::new(self.method.as_str(), self.url, headers, body).unwrap();
        sign(request, &params).unwrap().into_parts().0
    }
}

fn element(xml: &str, name: &str) -> String {
    let (_, rest) =
        xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split("</").next().unwrap().to_owned()
}

/// Returns the record set of this name and type, if it exists.
fn find<'a>(records: &'a [String], name: &str, rtype: &str) -> Option<&'a String> {
    let is = |set: &&String| {
        set.contains(&format!("<Name>{name}.</Name>"))
            && set.contains(&format!("<Type>{rtype}</Type>"))
    };
    records.iter().find(is)
}

/// Starts the function with the credentials of a role in the child account.
async fn function(moto: &Moto, keys: &Credentials) -> LambdaProcess {
    let env = variables([
        ("AWS_ENDPOINT_URL", moto.url.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key()),
        ("AWS_SESSION_TOKEN", keys.session_token().unwrap()),
        ("DELEGATION_RESPONSE_HOSTS", moto.host()),
        ("DELEGATION_PROPAGATION_WAIT", "0"),
    ]);
    LambdaProcess::spawn(bootstrap(env.to_vec())).await.unwrap()
}

/// Sends an event, and reads its answer from the bucket.
async fn send(moto: &Moto, function: &LambdaProcess, kind: &str, mut event: Value) -> Value {
    // CloudFormation writes the key like this: it contains `:`, `/` and `|`.
    let stack = STACK.replace(':', "%3A");
    let path = format!("/{BUCKET}/{stack}%7CDelegation%7C{kind}");
    event["RequestType"] = json!(kind);
    event["RequestId"] = json!(kind);
    event["ResponseURL"] = json!(moto.presigned(&Method::PUT, &path));
    event["StackId"] = json!(STACK);
    event["LogicalResourceId"] = json!("Delegation");
    event["ResourceType"] = json!("Custom::Delegation");
    let ended = function.invoke(event).await;
    assert!(matches!(ended, Invocation::Returned(_)), "{ended:?} {:#?}", function.logs());
    let (status, body) = moto.s3(Method::GET, &path).await;
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    answer
}

#[tokio::test]
async fn a_delegation_is_created_updated_and_deleted() {
    let Some(program) = std::env::var_os("MOTO_SERVER").filter(|program| !program.is_empty())
    else {
        sandbox::not_checked("moto", "MOTO_SERVER is not set", "make unit");
        return;
    };
    let moto = Moto::start(&program).await;
    let (parent_keys, child_keys) = (
        moto.assume("111111111111", "parent-admin").await,
        moto.assume("222222222222", "function").await,
    );
    let parent = moto.create_zone(&parent_keys, "example.com").await;
    let child = moto.create_child_zone(&child_keys, NAME).await;
    assert_eq!(moto.s3(Method::PUT, &format!("/{BUCKET}")).await.0, 200);
    let function = function(&moto, &child_keys).await;
    let before = moto.records(&parent_keys, &parent).await;
    let properties = |ttl: &str| {
        json!({
            "ServiceToken": "arn:aws:lambda:us-east-1:222222222222:function:delegation",
            "ChildZoneId": child,
            "ParentRoleArn": "arn:aws:iam::111111111111:role/parent",
            "ParentExternalId": "an-external-id",
            "ParentZoneName": "example.com",
            "TTL": ttl,
            "Verification": "NONE",
        })
    };

    let answer =
        send(&moto, &function, "Create", json!({"ResourceProperties": properties("300")})).await;
    let id = answer["PhysicalResourceId"].clone();
    assert_eq!(id, format!("{parent}/{NAME}"));
    assert_eq!(answer["Data"]["Action"], "CREATED");
    let created = moto.records(&parent_keys, &parent).await;
    let ns = find(&created, NAME, "NS").expect("the name must be delegated");
    assert!(ns.contains("<TTL>300</TTL>"), "{ns}");
    let apex = moto.records(&child_keys, &child).await;
    let servers = answer["Data"]["NameServers"].as_str().unwrap().split(',');
    for server in servers {
        assert!(
            ns.contains(server) && find(&apex, NAME, "NS").unwrap().contains(server),
            "{server}: {ns}"
        );
    }
    let claim = find(&created, &format!("_delegation-{NAME}"), "TXT")
        .expect("the delegation must have a claim");
    assert!(
        claim.contains("heritage=custom-delegation") && claim.contains("owner=mine/Delegation"),
        "{claim}"
    );

    let event = json!({
        "PhysicalResourceId": id,
        "ResourceProperties": properties("60"),
        "OldResourceProperties": properties("300"),
    });
    let answer = send(&moto, &function, "Update", event).await;
    assert_eq!(
        (&answer["PhysicalResourceId"], &answer["Data"]["Action"]),
        (&id, &json!("UPDATED"))
    );
    let updated = moto.records(&parent_keys, &parent).await;
    assert!(
        find(&updated, NAME, "NS").is_some_and(|ns| ns.contains("<TTL>60</TTL>")),
        "{updated:?}"
    );
    assert_eq!(updated.len(), before.len() + 2);

    let event = json!({"PhysicalResourceId": id, "ResourceProperties": properties("60")});
    send(&moto, &function, "Delete", event).await;
    assert_eq!(
        moto.records(&parent_keys, &parent).await,
        before,
        "the parent zone must be as before"
    );
}
