//! Calls that a role can make by itself. Anybody who has its credentials can send any call,
//! whatever the function would do.

use std::fmt::Write as _;
use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use custom_delegation::http::Client;
use http::{Method, Request};
use sandbox::Credentials;

/// A change of one record set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) action: &'static str,
    pub(crate) name: &'static str,
    pub(crate) rtype: &'static str,
}

/// An API call.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    ListZones,
    ListZonesByName,
    GetZone(String),
    ListRecords(String),
    GetDnssec(String),
    GetChange,
    Change(String, Change),
    /// Several changes in one batch.
    Batch(String, Vec<Change>),
    DeleteZone(String),
    CreateZone,
    Assume(String, Option<&'static str>),
}

/// A request that is not signed yet.
struct Unsigned {
    service: &'static str,
    method: Method,
    path: String,
    body: String,
}

impl Unsigned {
    fn route53(method: Method, path: String, body: String) -> Self {
        Self { service: "route53", method, path, body }
    }
}

impl Call {
    fn request(&self) -> Unsigned {
        let zone = |id: &str, rest: &str| format!("/2013-04-01/hostedzone/{id}{rest}");
        let get = |path: String| Unsigned::route53(Method::GET, path, String::new());
        match self {
            Self::ListZones => get("/2013-04-01/hostedzone".into()),
            Self::ListZonesByName => get("/2013-04-01/hostedzonesbyname".into()),
            Self::GetZone(id) => get(zone(id, "")),
            Self::ListRecords(id) => get(zone(id, "/rrset")),
            Self::GetDnssec(id) => get(zone(id, "/dnssec")),
            Self::GetChange => get("/2013-04-01/change/C1EXAMPLE".into()),
            Self::DeleteZone(id) => Unsigned::route53(Method::DELETE, zone(id, ""), String::new()),
            Self::CreateZone => {
                Unsigned::route53(Method::POST, "/2013-04-01/hostedzone".into(), new_zone())
            }
            Self::Change(id, change) => {
                Unsigned::route53(Method::POST, zone(id, "/rrset/"), batch(&[*change]))
            }
            Self::Batch(id, changes) => {
                Unsigned::route53(Method::POST, zone(id, "/rrset/"), batch(changes))
            }
            Self::Assume(arn, external_id) => {
                let mut body = format!(
                    "Action=AssumeRole&Version=2011-06-15&RoleArn={arn}&RoleSessionName=deployment"
                );
                if let Some(id) = external_id {
                    write!(body, "&ExternalId={id}").unwrap();
                }
                Unsigned { service: "sts", method: Method::POST, path: "/".into(), body }
            }
        }
    }

    /// Returns whether the policies allow the call. Any other error of the service counts as
    /// allowed.
    pub(crate) async fn is_allowed(&self, endpoint: &str, http: &Client, by: Credentials) -> bool {
        let Unsigned { service, method, path, body } = self.request();
        let url = format!("{endpoint}{path}");
        let keys =
            Keys::new(by.access_key_id, by.secret_access_key, by.session_token, None, "deployment")
                .into();
        let params = v4::SigningParams::builder().identity(&keys).region("us-east-1").name(service);
        let params = params
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let signable = SignableBody::Bytes(body.as_bytes());
        let request =
            SignableRequest::new(method.as_str(), &url, std::iter::empty(), signable).unwrap();
        let signature = sign(request, &params).unwrap().into_parts().0;
        let mut request = Request::builder().method(method).uri(&url);
        for (name, value) in signature.headers() {
            request = request.header(name, value);
        }
        let answer = http.send(request.body(body.into()).unwrap()).await.unwrap();
        let (status, text) = (answer.status(), String::from_utf8_lossy(answer.body()));
        assert!(status != 403 || text.contains("<Code>AccessDenied</Code>"), "{self:?}: {text}");
        status != 403
    }
}

fn batch(changes: &[Change]) -> String {
    let changes: String = changes.iter().map(|change| one(*change)).collect();
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
         <Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

fn one(change: Change) -> String {
    let Change { action, name, rtype } = change;
    let value = match rtype {
        "NS" => "ns1.example.net.",
        "TXT" => "\"text\"",
        "DS" => "1 13 2 0000000000000000000000000000000000000000000000000000000000000000",
        _ => "192.0.2.1",
    };
    format!(
        "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{rtype}</Type><TTL>60</TTL>\
         <ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>\
         </Change>"
    )
}

fn new_zone() -> String {
    "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>new.example.com</Name>\
     <CallerReference>deployment</CallerReference></CreateHostedZoneRequest>"
        .into()
}
