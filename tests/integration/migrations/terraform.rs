//! The migration from Terraform, which has an NS record set for each of several zones.

use std::sync::Mutex;

use futures::FutureExt as _;
use sandbox::{RecordSet, TemplateStack};

use super::{Migration, Outcome, Step, assert_harm, check};
use test_support::{CHILD_ACCOUNT, NAME};

use crate::migrations::fixture::MigrationFixture;
use crate::migrations::tools::{Configuration, Terraform};

const RESOURCE: &str = "aws_route53_record.delegation";
const TESTING: &str = r#"aws_route53_record.delegation["testing"]"#;
const STAGING: &str = r#"aws_route53_record.delegation["staging"]"#;

struct FromTerraform<const ALL: bool> {
    fixture: MigrationFixture,
    terraform: Terraform,
    stack: TemplateStack,
    configured: Mutex<Configuration>,
}

/// The migration of one of the zones.
type One = FromTerraform<false>;
/// The migration of all of them; the test has one.
type All = FromTerraform<true>;

impl<const ALL: bool> FromTerraform<ALL> {
    fn configuration(&self, addresses: &[&str]) -> Configuration {
        let testing = RecordSet::new(NAME, "NS", 3600, self.fixture.child().name_servers());
        let staging = RecordSet::new(
            "staging.example.com",
            "NS",
            3600,
            ["ns1.example.net", "ns2.example.net"],
        );
        let all = [(TESTING.to_owned(), testing), (STAGING.to_owned(), staging)];
        let instances =
            all.into_iter().filter(|(address, _)| addresses.contains(&address.as_str())).collect();
        Configuration { instances, removed: Vec::new() }
    }

    async fn deploy(&self, trigger: &str) -> Outcome {
        let zone = self.fixture.child().id();
        self.fixture
            .deploy(&self.stack, "by-hand/after", &[("ZoneId", &zone), ("Trigger", trigger)])
            .await
    }

    /// Sets another configuration.
    fn configure(&self, configuration: Configuration) {
        *self.configured.lock().unwrap() = configuration;
    }

    /// Runs `terraform apply` with the configuration.
    fn apply(&self) -> Outcome {
        let configuration = self.configured.lock().unwrap().clone();
        self.terraform.apply(&configuration)
    }
}

impl<const ALL: bool> Migration for FromTerraform<ALL> {
    async fn begin() -> Self {
        let fixture = MigrationFixture::new().await;
        fixture.delegates_to(&fixture.child_account.hosted_zone(NAME));
        let (terraform, stack) =
            (Terraform::new(&fixture.parent), fixture.region.stack(CHILD_ACCOUNT, "testing-dns"));
        let it = Self { fixture, terraform, stack, configured: Mutex::default() };
        it.configure(it.configuration(&[TESTING, STAGING]));
        it.apply().unwrap();
        it
    }

    fn steps() -> Vec<(&'static str, Step<Self>)> {
        let mut steps: Vec<(&'static str, Step<Self>)> = if ALL {
            vec![("removed", |it| {
                let removed = vec![RESOURCE.to_owned()];
                it.configure(Configuration { removed, ..Configuration::default() });
                async { it.apply() }.boxed()
            })]
        } else {
            vec![
                ("state rm", |it| {
                    it.terraform.forget(TESTING);
                    async { Ok(()) }.boxed()
                }),
                ("take it out of the configuration", |it| {
                    it.configure(it.configuration(&[STAGING]));
                    async { Ok(()) }.boxed()
                }),
            ]
        };
        steps.push(("declare", |it| it.deploy("").boxed()));
        steps.push(("settle", |it| it.deploy("settled").boxed()));
        steps
    }

    /// The next person applies the configuration, and everything in it is destroyed some day.
    async fn end(&self) -> Outcome {
        self.apply()?;
        self.configure(Configuration::default());
        self.apply()?;
        self.fixture.check_the_delegation("after Terraform destroyed what it had")?;
        self.fixture.check_that_a_delete_removes_it(&self.stack).await
    }

    fn fixture(&self) -> &MigrationFixture {
        &self.fixture
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_for_one_of_many_is_needed() {
    let harms = check::<One>().await;
    assert_harm(&harms, "state rm", "the live delegation is gone");
    assert_harm(&harms, "take it out of the configuration", "it already exists");
    assert_harm(&harms, "declare", "a Delete leaves something behind");
    assert_harm(&harms, "settle", "a Delete leaves something behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_for_all_is_needed() {
    let harms = check::<All>().await;
    assert_harm(&harms, "removed", "the live delegation is gone");
}

/// The files must name the addresses that the model uses.
#[test]
fn the_files_name_the_addresses() {
    let read = |file: &str| {
        std::fs::read_to_string(format!("examples/migrations/terraform/{file}")).unwrap()
    };
    assert!(read("2-one.sh").contains(&format!("terraform state rm '{TESTING}'")));
    assert!(read("2-all.tf").contains(&format!("from = {RESOURCE}\n")));
    assert!(read("1-before.tf").contains("testing = ") && !read("3-one.tf").contains("testing = "));
}
