//! CloudFormation: stacks of whole templates, whose resources refer to each other and have policies
//! (CloudFormation User Guide, "How CloudFormation works", "Update behaviors of stack resources";
//! Template Reference, "Resource attributes").
//!
//! [`crate::stack::Stack`] drives custom resources of one function and is what most tests need.
//! Here a template brings its hosted zones, roles and functions along, and what other tools left
//! behind: a [`ResourceType`] is a model of one.
//!
//! Probe: those of cloudformation/, and life/by-the-templates.

#![allow(clippy::indexing_slicing, reason = "what a JSON value lacks is null")]

mod resources;
mod signing;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::aws::Sandbox;
use crate::bucket::ResponseBucket;
use crate::core::lock;
use crate::dns::Dns;
use crate::function::{Function, Invocation};
use crate::stack::{Outcome, Stack, stringified};
use crate::template::Template;

/// What is asked of a type of resources.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to do.
    pub action: Action,
    /// The account of the stack.
    pub account: String,
    /// The name of the stack.
    pub stack: String,
    /// The resource.
    pub logical_id: String,
    /// The properties that are wanted; those of the last request if it is to go.
    pub properties: Value,
}

/// What to do with a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Make it.
    Create,
    /// Change that one, which had these properties.
    Update(String, Value),
    /// Remove that one.
    Delete(String),
}

/// A resource that was made or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Physical {
    /// What `Ref` gives. Another one than before is a replacement.
    pub id: String,
    /// What `GetAtt` gives.
    pub attributes: Value,
}

/// A type of resources.
pub trait ResourceType: Send + Sync {
    /// Carries out a request; the error is the status reason of the resource.
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>>;
}

/// A Region with all its accounts.
#[derive(Clone)]
pub struct CloudFormation {
    aws: Sandbox,
    bucket: ResponseBucket,
    shared: Arc<Shared>,
}

struct Shared {
    types: Mutex<BTreeMap<String, Arc<dyn ResourceType>>>,
    functions: Router,
    exports: Mutex<BTreeMap<String, Value>>,
    parameters: Mutex<BTreeMap<String, Value>>,
    assembly: Option<PathBuf>,
}

/// The functions that there are, by ARN; as one function that hands each event to the one that it
/// asks for.
#[derive(Clone, Default)]
struct Router(Arc<Mutex<BTreeMap<String, Arc<dyn Function>>>>);

impl Function for Router {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        let token =
            event["ResourceProperties"]["ServiceToken"].as_str().unwrap_or_default().to_owned();
        let function = lock(&self.0).get(&token).cloned();
        async move {
            match function {
                Some(function) => function.invoke(event).await,
                None => Invocation::Exited(format!("there is no function {token}")),
            }
        }
        .boxed()
    }
}

impl fmt::Debug for CloudFormation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudFormation")
            .field("assembly", &self.shared.assembly)
            .finish_non_exhaustive()
    }
}

impl CloudFormation {
    /// A Region without stacks. `assembly` is the directory with nested templates and code
    /// (`cdk.out`), if there is one; functions from there get `function_env` beside their own
    /// environment.
    pub fn new(
        aws: &Sandbox,
        bucket: &ResponseBucket,
        assembly: Option<PathBuf>,
        function_env: &[(&str, &str)],
    ) -> Self {
        let functions = Router::default();
        let shared = Shared {
            types: Mutex::default(),
            functions,
            exports: Mutex::default(),
            parameters: Mutex::default(),
            assembly,
        };
        let region = Self { aws: aws.clone(), bucket: bucket.clone(), shared: Arc::new(shared) };
        resources::register(&region, function_env);
        region
    }

    /// Makes a type of resources known, a custom one (`Custom::…`) too; in the place of one of that
    /// name.
    pub fn register(&self, name: &str, kind: Arc<dyn ResourceType>) {
        lock(&self.shared.types).insert(name.to_owned(), kind);
    }

    /// Makes the types of signed zones known, which are served by that service: its look-ups decide
    /// when signing may end.
    pub fn register_signing(&self, dns: &Dns) {
        self.register(
            "AWS::Route53::KeySigningKey",
            Arc::new(signing::KeySigningKeys(self.aws.clone())),
        );
        self.register(
            "AWS::Route53::DNSSEC",
            Arc::new(signing::Signing(self.aws.clone(), dns.clone())),
        );
    }

    /// Makes a function known: custom resources may have its ARN as `ServiceToken`.
    pub fn register_function(&self, arn: &str, function: Arc<dyn Function>) {
        lock(&self.shared.functions.0).insert(arn.to_owned(), function);
    }

    /// Exports a value, as a stack that was deployed before does.
    pub fn export(&self, name: &str, value: &str) {
        lock(&self.shared.exports).insert(name.to_owned(), json!(value));
    }

    /// What is exported under that name.
    pub fn exported(&self, name: &str) -> Option<Value> {
        lock(&self.shared.exports).get(name).cloned()
    }

    /// A stack that has no resources yet.
    pub fn stack(&self, account: &str, name: &str) -> TemplateStack {
        let functions = Arc::new(self.shared.functions.clone());
        let state = State {
            account: account.to_owned(),
            name: name.to_owned(),
            custom: Stack::new(name, account, &self.bucket, functions),
            standing: Mutex::default(),
            outputs: Mutex::default(),
            events: Mutex::default(),
            fail_after: Mutex::default(),
        };
        TemplateStack { region: self.clone(), state: Arc::new(state) }
    }

    /// A template of the assembly by its file name.
    pub(crate) fn assembled(&self, file: &str) -> Value {
        let path =
            self.shared.assembly.as_ref().map(|directory| directory.join(file)).unwrap_or_default();
        Template::source(&path.display().to_string())
    }
}

/// A stack, with the resources of the template that was deployed last.
#[derive(Clone)]
pub struct TemplateStack {
    region: CloudFormation,
    state: Arc<State>,
}

struct State {
    account: String,
    name: String,
    custom: Stack,
    standing: Mutex<BTreeMap<String, Standing>>,
    outputs: Mutex<BTreeMap<String, Value>>,
    events: Mutex<Vec<String>>,
    fail_after: Mutex<Option<String>>,
}

impl fmt::Debug for TemplateStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateStack").field("name", &self.state.name).finish_non_exhaustive()
    }
}

/// A resource that the stack has.
#[derive(Debug, Clone, PartialEq)]
struct Standing {
    kind: String,
    physical: Physical,
    properties: Value,
    /// What the template that was deployed last says of it.
    retained: bool,
    /// Its place among the others; what needs others comes later.
    rank: usize,
}

/// What a rollback takes back.
enum Step {
    Created(String, Standing),
    Updated(String, Standing, Standing),
}

impl TemplateStack {
    /// Makes the stack as the template says; on a failure all goes back. `parameters` are values of
    /// the template's parameters.
    pub fn deploy<'a>(
        &'a self,
        template: &'a Value,
        parameters: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Outcome> {
        self.deploy_boxed(template, parameters).boxed()
    }

    async fn deploy_boxed(&self, document: &Value, parameters: &[(&str, &str)]) -> Outcome {
        let mut template = self.template(document, parameters);
        let before = lock(&self.state.standing).clone();
        let order = template.resources();
        for id in &order {
            let kind = &template.declared(id)["Type"];
            if before.get(id).is_some_and(|old| *kind != json!(old.kind)) {
                let reason = "Update of resource type is not permitted. The new template modifies resource type of the following";
                return Outcome::RolledBack(format!("{reason} resources: [{id}]"));
            }
        }
        let (mut steps, mut replaced) = (Vec::new(), Vec::new());
        for (rank, id) in order.iter().enumerate() {
            let new = wanted(&template, id, rank);
            let made = self.present(id, before.get(id), new, &mut steps, &mut replaced).await;
            let failed = lock(&self.state.fail_after)
                .take_if(|name| name == id)
                .map(|_| "another resource failed".to_owned());
            match made.and_then(|made| failed.map_or(Ok(made), Err)) {
                Ok(made) => learn(&mut template, id, &made.physical),
                Err(reason) => return self.roll_back(steps, reason).await,
            }
        }
        // The clean-up: its failures don't undo the update, and what they concern is no part of the
        // stack any more.
        for (id, old) in replaced {
            let _ = self.remove(&id, &old).await;
        }
        let mut gone: Vec<_> = before.into_iter().filter(|(id, _)| !order.contains(id)).collect();
        gone.sort_by_key(|(_, old)| std::cmp::Reverse(old.rank));
        for (id, old) in gone {
            lock(&self.state.standing).remove(&id);
            if old.retained {
                self.note(format!("retained {id}"));
            } else {
                let _ = self.remove(&id, &old).await;
            }
        }
        for output in template.outputs() {
            if let Some(name) = output.export {
                lock(&self.region.shared.exports).insert(name, output.value.clone());
            }
            lock(&self.state.outputs).insert(output.name, output.value);
        }
        Outcome::Complete
    }

    /// Deletes the stack. What fails to be deleted stays, and with it the stack.
    pub async fn delete(&self) -> Outcome {
        self.delete_retaining(&[]).await
    }

    /// Deletes a stack that failed to be deleted without these resources.
    /// Probe: cloudformation/retain.
    pub fn delete_retaining<'a>(&'a self, retained: &'a [&'a str]) -> BoxFuture<'a, Outcome> {
        async move {
            let mut all: Vec<_> = lock(&self.state.standing).clone().into_iter().collect();
            all.sort_by_key(|(_, old)| std::cmp::Reverse(old.rank));
            for (id, old) in all {
                if old.retained || retained.contains(&id.as_str()) {
                    self.note(format!("retained {id}"));
                } else if let Err(reason) = self.remove(&id, &old).await {
                    return Outcome::Stuck(reason);
                }
                lock(&self.state.standing).remove(&id);
            }
            Outcome::Complete
        }
        .boxed()
    }

    /// Has some other resource fail in the next deployment, once this one has gone through.
    pub fn fail_after(&self, logical_id: &str) {
        *lock(&self.state.fail_after) = Some(logical_id.to_owned());
    }

    /// What was done so far, a line each: `Create Zone`, `Delete Delegation failed: …`,
    /// `retained Zone`.
    pub fn events(&self) -> Vec<String> {
        lock(&self.state.events).clone()
    }

    /// The logical ids of the resources that the stack has.
    pub fn resources(&self) -> Vec<String> {
        lock(&self.state.standing).keys().cloned().collect()
    }

    /// What `Ref` of a resource gives.
    pub fn physical_id(&self, logical_id: &str) -> Option<String> {
        lock(&self.state.standing).get(logical_id).map(|one| one.physical.id.clone())
    }

    /// What `GetAtt` of a resource gives; null if it gives nothing.
    pub fn attribute(&self, logical_id: &str, name: &str) -> Value {
        lock(&self.state.standing)
            .get(logical_id)
            .map(|one| one.physical.attributes[name].clone())
            .unwrap_or_default()
    }

    /// The outputs of the template that was deployed last.
    pub fn outputs(&self) -> BTreeMap<String, Value> {
        lock(&self.state.outputs).clone()
    }

    /// The logical id of the one resource of that type.
    ///
    /// # Panics
    ///
    /// If there is none, or another one.
    pub fn only(&self, kind: &str) -> String {
        let standing = lock(&self.state.standing);
        let mut ids = standing.iter().filter(|(_, one)| one.kind == kind).map(|(id, _)| id.clone());
        match (ids.next(), ids.next()) {
            (Some(id), None) => id,
            (first, _) => {
                panic!(
                    "{}: {} {kind}",
                    self.state.name,
                    if first.is_some() { "more than one" } else { "no" }
                )
            }
        }
    }

    fn note(&self, event: String) {
        lock(&self.state.events).push(event);
    }

    /// The template with everything that is known before its first resource.
    fn template(&self, document: &Value, parameters: &[(&str, &str)]) -> Template {
        let stored = lock(&self.region.shared.parameters).clone();
        let declared = document["Parameters"].as_object().cloned().unwrap_or_default();
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, parameter) in &declared {
            let kind = parameter["Type"].as_str().unwrap_or_default();
            if kind.starts_with("AWS::SSM::Parameter::Value") {
                let key = parameter["Default"].as_str().unwrap_or_default();
                values.insert(
                    name.clone(),
                    stored.get(key).and_then(Value::as_str).unwrap_or("unknown").to_owned(),
                );
            }
        }
        values.extend(
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        values.insert("AWS::AccountId".into(), self.state.account.clone());
        values.insert("AWS::StackName".into(), self.state.name.clone());
        values.insert("AWS::StackId".into(), self.state.custom.stack_id().to_owned());
        let pairs: Vec<(&str, &str)> =
            values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut template = Template::new(&self.state.name, document.clone(), &pairs);
        for (name, value) in lock(&self.region.shared.exports).iter() {
            template.set(name, value.clone());
        }
        template
    }

    async fn present(
        &self,
        id: &str,
        old: Option<&Standing>,
        mut new: Standing,
        steps: &mut Vec<Step>,
        replaced: &mut Vec<(String, Standing)>,
    ) -> Result<Standing, String> {
        let made = match old {
            Some(old) if old.properties == new.properties => {
                new.physical = old.physical.clone();
                lock(&self.state.standing).insert(id.to_owned(), new.clone());
                steps.push(Step::Updated(id.to_owned(), old.clone(), new.clone()));
                return Ok(new);
            }
            Some(old) => {
                let action = Action::Update(old.physical.id.clone(), old.properties.clone());
                self.ask(id, &new, action).await
            }
            None => self.ask(id, &new, Action::Create).await,
        };
        match made {
            Ok(physical) => new.physical = physical,
            Err((reason, known)) => {
                // A Create that failed is deleted all the same, under the id that is known or that
                // CloudFormation invents.
                let id_then = known.unwrap_or_else(|| self.state.custom.invented_id(id));
                new.physical = Physical { id: id_then, attributes: json!({}) };
                match old {
                    Some(old) => {
                        new.physical.id.clone_from(&old.physical.id);
                        steps.push(Step::Updated(id.to_owned(), old.clone(), new));
                    }
                    None => steps.push(Step::Created(id.to_owned(), new)),
                }
                return Err(reason);
            }
        }
        lock(&self.state.standing).insert(id.to_owned(), new.clone());
        match old {
            Some(old) => {
                if old.physical.id != new.physical.id {
                    replaced.push((id.to_owned(), old.clone()));
                }
                steps.push(Step::Updated(id.to_owned(), old.clone(), new.clone()));
            }
            None => steps.push(Step::Created(id.to_owned(), new.clone())),
        }
        Ok(new)
    }

    async fn roll_back(&self, steps: Vec<Step>, reason: String) -> Outcome {
        let mut superfluous = Vec::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Created(id, made) => {
                    lock(&self.state.standing).remove(&id);
                    superfluous.push((id, made));
                }
                Step::Updated(id, old, new) if old.properties == new.properties => {
                    lock(&self.state.standing).insert(id, old);
                }
                Step::Updated(id, old, new) => {
                    let action = Action::Update(new.physical.id.clone(), new.properties.clone());
                    match self.ask(&id, &old, action).await {
                        Ok(physical) => {
                            if physical.id != new.physical.id {
                                superfluous.push((id.clone(), new));
                            }
                            lock(&self.state.standing).insert(id, Standing { physical, ..old });
                        }
                        Err((reason, _)) => return Outcome::Stuck(reason),
                    }
                }
            }
        }
        for (id, made) in superfluous {
            if made.retained {
                self.note(format!("retained {id}"));
            } else if let Err(reason) = self.remove(&id, &made).await {
                return Outcome::Stuck(reason);
            }
        }
        Outcome::RolledBack(reason)
    }

    async fn remove(&self, id: &str, old: &Standing) -> Result<(), String> {
        let gone = self.ask(id, old, Action::Delete(old.physical.id.clone())).await;
        gone.map(drop).map_err(|(reason, _)| reason)
    }

    /// One request; the error has the physical id that CloudFormation knows then.
    async fn ask(
        &self,
        id: &str,
        one: &Standing,
        action: Action,
    ) -> Result<Physical, (String, Option<String>)> {
        let verb = match &action {
            Action::Create => "Create",
            Action::Update(..) => "Update",
            Action::Delete(_) => "Delete",
        };
        let kind = lock(&self.region.shared.types).get(&one.kind).cloned();
        let answer = match kind {
            Some(kind) => {
                let request = Request {
                    action,
                    account: self.state.account.clone(),
                    stack: self.state.name.clone(),
                    logical_id: id.to_owned(),
                    properties: one.properties.clone(),
                };
                kind.handle(request).await.map_err(|reason| (reason, None))
            }
            None if one.kind.starts_with("Custom::") => {
                let (physical_id, old) = match &action {
                    Action::Create => (None, None),
                    Action::Update(physical_id, old) => (Some(physical_id.as_str()), Some(old)),
                    Action::Delete(physical_id) => (Some(physical_id.as_str()), None),
                };
                let answer =
                    self.state.custom.request(verb, id, physical_id, &one.properties, old).await;
                let physical = |made: crate::stack::Resource| Physical {
                    id: made.physical_id,
                    attributes: made.attributes,
                };
                answer.map(physical).map_err(|failed| (failed.reason, failed.physical_id))
            }
            None => panic!("{}: the type {} is not known here", self.state.name, one.kind),
        };
        let failed = answer.as_ref().err().map(|(reason, _)| format!(" failed: {reason}"));
        self.note(format!("{verb} {id}{}", failed.unwrap_or_default()));
        answer
    }
}

/// The resource as the template wants it.
fn wanted(template: &Template, id: &str, rank: usize) -> Standing {
    let declared = template.declared(id);
    let mut properties = declared
        .get("Properties")
        .map_or(json!({}), |_| template.resource(&format!("/{id}/Properties")));
    let kind = declared["Type"].as_str().unwrap_or_default().to_owned();
    if kind == "AWS::CloudFormation::Stack" {
        // Where the CDK says which file of the assembly the template is.
        properties["Asset"] = declared["Metadata"]["aws:asset:path"].clone();
    } else if kind.starts_with("Custom::") {
        properties = stringified(&properties);
    }
    let physical = Physical { id: String::new(), attributes: Value::Null };
    Standing { kind, physical, properties, retained: declared["DeletionPolicy"] == "Retain", rank }
}

/// What the resources after this one may refer to.
fn learn(template: &mut Template, id: &str, made: &Physical) {
    template.set(id, json!(made.id));
    for (name, value) in made.attributes.as_object().into_iter().flatten() {
        template.set(&format!("{id}.{name}"), value.clone());
    }
}

#[cfg(test)]
mod tests;
