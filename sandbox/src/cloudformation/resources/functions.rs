//! `AWS::Lambda::Function`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;

use super::{generated, same_or};
use crate::aws::Sandbox;
use crate::bucket::ResponseBucket;
use crate::cloudformation::{Physical, ResourceAction, ResourceRequest, ResourceType, Shared};
use crate::process::{Bootstrap, DeadlineStyle, LambdaProcess};

/// Functions whose code is a `bootstrap` in a zip file of the assembly.
pub(super) struct LambdaFunctions {
    pub(super) aws: Sandbox,
    pub(super) bucket: ResponseBucket,
    pub(super) shared: Weak<Shared>,
    pub(super) env: Vec<(String, String)>,
}

impl LambdaFunctions {
    async fn start(&self, request: &ResourceRequest, shared: &Shared) -> Result<Physical, String> {
        let name = same_or(request, || generated(request));
        let arn = arn(request, &name);
        let properties = &request.properties;
        let key = properties["Code"]["S3Key"].as_str().ok_or("the code is not in S3")?;
        let assembly = shared.assembly.clone().ok_or("there is no assembly")?;
        let path = unpacked(&assembly.join(format!("asset.{key}")))?;
        let role = properties["Role"]
            .as_str()
            .and_then(|arn| arn.rsplit('/').next())
            .ok_or("the function has no role")?;
        let credentials = self.aws.account(&request.account).role(role).credentials();
        let mut env = self.aws.env(&credentials);
        let own = properties["Environment"]["Variables"].as_object().cloned().unwrap_or_default();
        env.extend(
            own.into_iter()
                .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned())),
        );
        env.push(("DELEGATION_RESPONSE_HOSTS".to_owned(), self.bucket.host()));
        env.extend(self.env.iter().cloned());
        let timeout = Duration::from_secs(properties["Timeout"].as_u64().unwrap_or(3));
        let bootstrap = Bootstrap { path, env, timeout, deadline: DeadlineStyle::Real };
        let process = LambdaProcess::spawn(bootstrap).await.map_err(|error| error.to_string())?;
        shared.functions.insert(&arn, Arc::new(process));
        Ok(Physical { id: name, attributes: json!({ "Arn": arn }) })
    }
}

impl ResourceType for LambdaFunctions {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        async move {
            let shared = self.shared.upgrade().ok_or("the Region no longer exists")?;
            match &request.action {
                ResourceAction::Create | ResourceAction::Update(..) => {
                    self.start(&request, &shared).await
                }
                ResourceAction::Delete(id) => {
                    shared.functions.remove(&arn(&request, id));
                    Ok(Physical { id: id.clone(), attributes: json!({}) })
                }
            }
        }
        .boxed()
    }
}

fn arn(request: &ResourceRequest, name: &str) -> String {
    format!("arn:aws:lambda:{}:{}:function:{name}", request.region, request.account)
}

/// Unpacks a zip file next to it, and returns the path of its `bootstrap`.
fn unpacked(zip: &Path) -> Result<PathBuf, String> {
    let directory = zip.with_extension("unpacked");
    let program = directory.join("bootstrap");
    let run = |command: &mut Command| match command.status() {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("{command:?}: {other:?}")),
    };
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(zip).arg(&directory))?;
    run(Command::new("chmod").arg("755").arg(&program))?;
    Ok(program)
}
