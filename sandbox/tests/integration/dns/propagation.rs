//! When the name servers begin to serve a change.

use hickory_proto::op::ResponseCode;
use sandbox::{RecordSet, ServeRule, SyncRule};

use crate::dns::common::{ask, fixture};

/// An SDK client for the few API calls that these tests make.
mod api {
    use aws_sdk_route53 as route53;
    use aws_sdk_route53::types::{
        Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
    };
    use sandbox::ZoneHandle;

    use crate::aws::common::http_client;
    use crate::dns::common::Fixture;

    pub(crate) fn client(fixture: &Fixture) -> route53::Client {
        let keys = fixture.account.user_credentials();
        let credentials = route53::config::Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            None,
            None,
            "test",
        );
        let config = route53::Config::builder()
            .behavior_version(route53::config::BehaviorVersion::latest())
            .http_client(http_client())
            .endpoint_url(fixture.aws.endpoint_url())
            .region(route53::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .build();
        route53::Client::from_conf(config)
    }

    /// Creates an A record set, and returns the id of the change.
    pub(crate) async fn create(client: &route53::Client, zone: &ZoneHandle, name: &str) -> String {
        let value = ResourceRecord::builder().value("192.0.2.1").build().unwrap();
        let set = ResourceRecordSet::builder()
            .name(name)
            .r#type(RrType::A)
            .ttl(60)
            .resource_records(value)
            .build()
            .unwrap();
        let change = Change::builder()
            .action(ChangeAction::Create)
            .resource_record_set(set)
            .build()
            .unwrap();
        let batch = ChangeBatch::builder().changes(change).build().unwrap();
        let answer = client
            .change_resource_record_sets()
            .hosted_zone_id(zone.id())
            .change_batch(batch)
            .send()
            .await;
        answer.unwrap().change_info().unwrap().id().to_owned()
    }
}

#[tokio::test]
async fn a_change_is_served_once_it_is_in_sync() {
    let fixture = fixture().await;
    let (client, server) = (api::client(&fixture), fixture.server(&fixture.parent));
    let code = async |name: &str| ask(server, name, "A").await.metadata.response_code;
    fixture.aws.sync_after(SyncRule::Polls(2));
    let change = api::create(&client, &fixture.parent, "one.example.com").await;
    for polls in 0..2 {
        assert_eq!(code("one.example.com").await, ResponseCode::NXDomain, "after {polls} polls");
        client.get_change().id(&change).send().await.unwrap();
    }
    assert_eq!(
        code("one.example.com").await,
        ResponseCode::NoError,
        "the next answer would be INSYNC"
    );
    fixture.aws.sync_after(SyncRule::Never);
    api::create(&client, &fixture.parent, "two.example.com").await;
    assert_eq!(code("two.example.com").await, ResponseCode::NXDomain);
    fixture.parent.put(RecordSet::new("hand.example.com", "A", 60, ["192.0.2.1"]));
    assert_eq!(
        code("hand.example.com").await,
        ResponseCode::NoError,
        "a manual edit must be served immediately"
    );
    assert!(fixture.parent.remove("hand.example.com", "A"));
    assert_eq!(code("hand.example.com").await, ResponseCode::NXDomain);
    assert_eq!(code("two.example.com").await, ResponseCode::NXDomain);
    fixture.aws.sync_after(SyncRule::Polls(0));
    assert_eq!(code("two.example.com").await, ResponseCode::NoError);
    assert_eq!(
        code("one.example.com").await,
        ResponseCode::NoError,
        "a record that was served must stay"
    );
}

#[tokio::test]
async fn a_change_can_be_served_immediately() {
    let fixture = fixture().await;
    let (client, server) = (api::client(&fixture), fixture.server(&fixture.parent));
    fixture.aws.sync_after(SyncRule::Never);
    api::create(&client, &fixture.parent, "one.example.com").await;
    fixture.dns.serve_when(ServeRule::AtOnce);
    assert_eq!(ask(server, "one.example.com", "A").await.answers.len(), 1);
}

#[tokio::test]
async fn a_new_zone_has_to_propagate_too() {
    let fixture = fixture().await;
    let client = api::client(&fixture);
    let created = client
        .create_hosted_zone()
        .name("new.example.com")
        .caller_reference("one")
        .send()
        .await
        .unwrap();
    let server = fixture.dns.server(&created.delegation_set().unwrap().name_servers()[0]);
    let soa = async || ask(server, "new.example.com", "SOA").await.metadata.response_code;
    assert_eq!(soa().await, ResponseCode::Refused);
    client.get_change().id(created.change_info().unwrap().id()).send().await.unwrap();
    assert_eq!(soa().await, ResponseCode::NoError);
}
