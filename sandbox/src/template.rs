//! Evaluates CloudFormation templates: what their functions return for parameters and resources.
//! Only supports the functions that templates here use.

#![allow(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "missing JSON values are null, and an unsupported template should stop the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex_lite::Regex;
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// A template with values for its parameters and for the `Ref` and `GetAtt` of its resources.
/// Panics if the template uses something unsupported.
#[derive(Debug, Clone)]
pub struct Template {
    path: String,
    document: Value,
    values: BTreeMap<String, Value>,
}

#[derive(Debug, Clone)]
pub struct Output {
    pub name: String,
    pub value: Value,
    /// The name under which other stacks can import it.
    pub export: Option<String>,
}

/// The value of `!Ref AWS::NoValue`: nothing. A template has no nulls of its own.
const NO_VALUE: Value = Value::Null;

impl Template {
    /// Reads a template. `values` has parameters by name, and resources as `Id` or `Id.Attribute`.
    pub fn read(path: &str, values: &[(&str, &str)]) -> Self {
        Self::new(path, Self::source(path), values)
    }

    /// Like [`Template::read`], for a parsed document. `path` is its name in messages.
    pub fn new(path: &str, document: Value, values: &[(&str, &str)]) -> Self {
        let mut template = Self { path: path.to_owned(), document, values: BTreeMap::new() };
        let by_name: BTreeMap<&str, &str> = values.iter().copied().collect();
        let parameters = template.document["Parameters"].as_object().cloned().unwrap_or_default();
        for (name, parameter) in &parameters {
            let default = match &parameter["Default"] {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let value = by_name.get(name.as_str()).map(|text| (*text).to_owned()).or(default);
            let value = value.unwrap_or_else(|| panic!("{path}: no value for {name}"));
            template.values.insert(name.clone(), template.checked(name, parameter, &value));
        }
        for (name, value) in values.iter().filter(|(name, _)| !parameters.contains_key(*name)) {
            template.values.insert((*name).to_owned(), json!(value));
        }
        template
    }

    /// True if the parameter allows the value.
    pub fn accepts(&self, name: &str, value: &str) -> bool {
        let parameter = &self.document["Parameters"][name];
        assert!(parameter.is_object(), "{}: no parameter {name}", self.path);
        let items: Vec<&str> =
            if is_list(parameter) { value.split(',').collect() } else { vec![value] };
        let fits =
            |pattern: &str| items.iter().all(|item| Regex::new(pattern).unwrap().is_match(item));
        parameter["AllowedPattern"].as_str().is_none_or(fits)
    }

    fn checked(&self, name: &str, parameter: &Value, value: &str) -> Value {
        assert!(self.accepts(name, value), "{}: {name} does not allow {value:?}", self.path);
        if is_list(parameter) { json!(value.split(',').collect::<Vec<_>>()) } else { json!(value) }
    }

    /// The document as written, with its functions not evaluated.
    pub fn source(path: &str) -> Value {
        Self::parsed(
            path,
            &fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}")),
        )
    }

    /// Parses a document from a string, for instance from a page. `path` is its name in messages.
    pub fn parsed(path: &str, text: &str) -> Value {
        plain(serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// The value at this path below `Resources`, with its functions evaluated.
    pub fn resource(&self, pointer: &str) -> Value {
        let found = self.document["Resources"].pointer(pointer);
        self.resolve(found.unwrap_or_else(|| panic!("{}: nothing at {pointer}", self.path)))
    }

    /// Sets the value of `Ref` (for an `Id`) or `GetAtt` (for an `Id.Attribute`).
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// The logical ids of the resources to create, each after those that it depends on.
    pub fn resources(&self) -> Vec<String> {
        let all = self.document["Resources"].as_object().cloned().unwrap_or_default();
        let created = all.iter().filter(|(_, resource)| self.is_created(resource));
        let ids: BTreeSet<String> = created.map(|(id, _)| id.clone()).collect();
        let mut needs: BTreeMap<String, BTreeSet<String>> = ids
            .iter()
            .map(|id| {
                (
                    id.clone(),
                    needed(&all[id]).into_iter().filter(|other| ids.contains(other)).collect(),
                )
            })
            .collect();
        let mut order = Vec::new();
        while !needs.is_empty() {
            let next =
                needs.iter().find(|(_, others)| others.iter().all(|other| order.contains(other)));
            let next = next.map(|(id, _)| id.clone());
            let next =
                next.unwrap_or_else(|| panic!("{}: a circle of {:?}", self.path, needs.keys()));
            needs.remove(&next);
            order.push(next);
        }
        order
    }

    /// The resource as written, with its functions not evaluated.
    pub fn declared(&self, id: &str) -> &Value {
        &self.document["Resources"][id]
    }

    /// The outputs to create, with their functions evaluated, and their export names.
    pub fn outputs(&self) -> Vec<Output> {
        let all = self.document["Outputs"].as_object().cloned().unwrap_or_default();
        all.iter()
            .filter(|(_, output)| self.is_created(output))
            .map(|(name, output)| Output {
                name: name.clone(),
                value: self.resolve(&output["Value"]),
                export: output["Export"].get("Name").map(|name| self.text(name)),
            })
            .collect()
    }

    /// The names of the exports that the resources and outputs to create import.
    pub fn imports(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for id in self.resources() {
            self.find_imports(&self.declared(&id)["Properties"], &mut found);
        }
        for output in self.document["Outputs"].as_object().into_iter().flat_map(Map::values) {
            if self.is_created(output) {
                self.find_imports(&output["Value"], &mut found);
            }
        }
        found
    }

    fn find_imports(&self, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.find_imports(item, found)),
            Value::Object(map) => {
                found.extend(map.get("Fn::ImportValue").map(|name| self.text(name)));
                map.values().for_each(|value| self.find_imports(value, found));
            }
            _ => {}
        }
    }

    /// Whether the condition of a resource or an output holds, if it has one.
    fn is_created(&self, one: &Value) -> bool {
        one.get("Condition").is_none_or(|name| self.holds(&json!({ "Condition": name })))
    }

    fn value(&self, name: &str) -> Value {
        let usual = || match name {
            "AWS::NoValue" => Some(NO_VALUE),
            "AWS::Partition" => Some(json!("aws")),
            "AWS::Region" => Some(json!("us-east-1")),
            "AWS::URLSuffix" => Some(json!("amazonaws.com")),
            _ => None,
        };
        let known = self.values.get(name).cloned().or_else(usual);
        known.unwrap_or_else(|| panic!("{}: no value for {name}", self.path))
    }

    fn text(&self, value: &Value) -> String {
        match self.resolve(value) {
            Value::String(text) => text,
            other => panic!("{}: {other} is not a string", self.path),
        }
    }

    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items
                .iter()
                .map(|item| self.resolve(item))
                .filter(|item| *item != NO_VALUE)
                .collect(),
            Value::Object(map) if map.len() == 1 => {
                let (name, argument) = map.iter().next().unwrap();
                self.function(name, argument).unwrap_or_else(|| self.object(map))
            }
            Value::Object(map) => self.object(map),
            other => other.clone(),
        }
    }

    fn object(&self, map: &Map<String, Value>) -> Value {
        let entries = map.iter().map(|(key, value)| (key.clone(), self.resolve(value)));
        entries.filter(|(_, value)| *value != NO_VALUE).collect()
    }

    fn function(&self, name: &str, argument: &Value) -> Option<Value> {
        let item = |index: usize| &argument[index];
        Some(match name {
            "Ref" => self.value(argument.as_str()?),
            "Fn::GetAtt" => self.value(&attribute(argument)?),
            "Fn::ImportValue" => self.value(&self.text(argument)),
            "Fn::Sub" => json!(self.substitute(argument)),
            "Fn::If" => {
                self.resolve(item(if self.holds(&json!({"Condition": item(0)})) { 1 } else { 2 }))
            }
            "Fn::Join" => {
                let list = self.resolve(item(1));
                let texts: Vec<&str> =
                    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
                json!(texts.join(item(0).as_str().unwrap()))
            }
            "Fn::Select" => {
                let list = self.resolve(item(1));
                list[written(item(0)).parse::<usize>().ok()?].clone()
            }
            "Fn::Split" => {
                json!(self.text(item(1)).split(item(0).as_str().unwrap()).collect::<Vec<_>>())
            }
            _ if name.starts_with("Fn::") => panic!("{}: {name} is not supported", self.path),
            _ => return None,
        })
    }

    fn substitute(&self, argument: &Value) -> String {
        let (text, own) = match argument {
            Value::Array(items) => (&items[0], items[1].as_object().unwrap().clone()),
            text => (text, Map::new()),
        };
        let (mut out, mut rest) = (String::new(), text.as_str().unwrap());
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap();
            let value = own.get(name).map_or_else(|| self.value(name), |value| self.resolve(value));
            out += before;
            out +=
                value.as_str().unwrap_or_else(|| panic!("{}: {name} is not a string", self.path));
            rest = after;
        }
        out + rest
    }

    fn holds(&self, condition: &Value) -> bool {
        let (name, argument) = condition.as_object().unwrap().iter().next().unwrap();
        match name.as_str() {
            "Condition" => self.holds(&self.document["Conditions"][argument.as_str().unwrap()]),
            "Fn::Equals" => self.resolve(&argument[0]) == json!(written(&argument[1])),
            "Fn::Not" => !self.holds(&argument[0]),
            "Fn::And" => argument.as_array().unwrap().iter().all(|one| self.holds(one)),
            "Fn::Or" => argument.as_array().unwrap().iter().any(|one| self.holds(one)),
            other => panic!("{}: {other} is not supported", self.path),
        }
    }
}

/// `Id.Attribute`, from either form of the argument of `GetAtt`.
fn attribute(argument: &Value) -> Option<String> {
    match argument {
        Value::Array(parts) => {
            Some(parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("."))
        }
        text => text.as_str().map(str::to_owned),
    }
}

/// The resources that a resource refers to or explicitly depends on.
fn needed(resource: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match &resource["DependsOn"] {
        Value::Array(ids) => found.extend(ids.iter().filter_map(Value::as_str).map(str::to_owned)),
        id => found.extend(id.as_str().map(str::to_owned)),
    }
    references(&resource["Properties"], &mut found);
    found
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    let id = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(map) => {
            for (name, argument) in map {
                match name.as_str() {
                    "Ref" => found.extend(argument.as_str().map(id)),
                    "Fn::GetAtt" => found.extend(attribute(argument).as_deref().map(id)),
                    "Fn::Sub" => {
                        let text = argument.as_str().or(argument[0].as_str()).unwrap_or_default();
                        found.extend(
                            text.split("${")
                                .skip(1)
                                .filter_map(|part| part.split('}').next())
                                .map(id),
                        );
                        references(argument, found);
                    }
                    _ => references(argument, found),
                }
            }
        }
        _ => {}
    }
}

fn is_list(parameter: &Value) -> bool {
    parameter["Type"] == "CommaDelimitedList"
}

/// A number as a string, as CloudFormation writes it.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Converts YAML to JSON, with the long forms of functions instead of the short ones.
fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            json!({ name: plain(tagged.value) })
        }
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => map
            .into_iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)))
            .collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}
