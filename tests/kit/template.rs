//! CloudFormation templates: what their functions make of parameters, for the few functions that the templates use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex_lite::Regex;
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// A template with values for its parameters and for what `Ref` and `GetAtt` of its resources give.
pub(crate) struct Template {
    path: String,
    document: Value,
    values: BTreeMap<String, Value>,
}

/// What `!Ref AWS::NoValue` leaves: nothing. No template has a null.
const NO_VALUE: Value = Value::Null;

impl Template {
    /// Reads a template. `values` are parameters by name and resources as `Id` or `Id.Attribute`.
    pub(crate) fn read(path: &str, values: &[(&str, &str)]) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self::parse(path, &text, values)
    }

    /// The same of a text; `path` is for messages.
    pub(crate) fn parse(path: &str, text: &str, values: &[(&str, &str)]) -> Self {
        let document = plain(serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}")));
        let mut template = Self { path: path.to_owned(), document, values: BTreeMap::new() };
        let given: BTreeMap<&str, &str> = values.iter().copied().collect();
        let parameters = template.document["Parameters"].as_object().cloned().unwrap_or_default();
        for (name, parameter) in &parameters {
            let default = match &parameter["Default"] {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let value = given.get(name.as_str()).map(|text| (*text).to_owned()).or(default);
            let value = value.unwrap_or_else(|| panic!("{path}: no value for {name}"));
            template.values.insert(name.clone(), template.checked(name, parameter, &value));
        }
        for (name, value) in values.iter().filter(|(name, _)| !parameters.contains_key(*name)) {
            template.values.insert((*name).to_owned(), json!(value));
        }
        template
    }

    /// True if the parameter may have the value.
    pub(crate) fn accepts(&self, name: &str, value: &str) -> bool {
        let parameter = &self.document["Parameters"][name];
        assert!(parameter.is_object(), "{}: no parameter {name}", self.path);
        let items: Vec<&str> = if is_list(parameter) { value.split(',').collect() } else { vec![value] };
        let fits = |pattern: &str| items.iter().all(|item| Regex::new(pattern).unwrap().is_match(item));
        parameter["AllowedPattern"].as_str().is_none_or(fits)
    }

    fn checked(&self, name: &str, parameter: &Value, value: &str) -> Value {
        assert!(self.accepts(name, value), "{}: {name} may not be {value:?}", self.path);
        if is_list(parameter) { json!(value.split(',').collect::<Vec<_>>()) } else { json!(value) }
    }

    /// The document as written, its functions not resolved.
    pub(crate) fn source(path: &str) -> Value {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        plain(serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// What stands at the path below `Resources`, its functions resolved.
    pub(crate) fn resource(&self, pointer: &str) -> Value {
        let found = self.document["Resources"].pointer(pointer);
        self.resolve(found.unwrap_or_else(|| panic!("{}: nothing at {pointer}", self.path)))
    }

    /// Tells what `Ref` or `GetAtt` of a resource gives, once it is made.
    pub(crate) fn set(&mut self, name: String, value: Value) {
        self.values.insert(name, value);
    }

    /// The logical ids of the resources that are made, each after those that it depends on.
    pub(crate) fn order(&self) -> Vec<String> {
        let resources = self.document["Resources"].as_object().unwrap();
        let made = |resource: &Value| self.is_made(resource);
        let mut left: BTreeMap<&String, BTreeSet<String>> = resources
            .iter()
            .filter(|(_, resource)| made(resource))
            .map(|(id, resource)| {
                let mut names = BTreeSet::new();
                references(resource, &mut names);
                let names = names.into_iter().filter(|name| name != id && resources.get(name).is_some_and(made));
                (id, names.collect())
            })
            .collect();
        let mut order = Vec::new();
        while !left.is_empty() {
            let next = left.iter().find(|(_, names)| names.iter().all(|name| order.contains(name)));
            let next = (*next.unwrap_or_else(|| panic!("{}: a circle in {left:?}", self.path)).0).clone();
            left.remove(&next);
            order.push(next);
        }
        order
    }

    /// True for a resource or an output without a condition, or with one that holds.
    fn is_made(&self, one: &Value) -> bool {
        one.get("Condition").is_none_or(|name| self.holds(&json!({"Condition": name})))
    }

    /// The outputs, and the names under which they are exported.
    pub(crate) fn outputs(&self) -> Vec<(String, String, Option<String>)> {
        let outputs = self.document["Outputs"].as_object().cloned().unwrap_or_default();
        let text = |value: &Value| match self.resolve(value) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let export = |output: &Value| output.pointer("/Export/Name").map(text);
        let made = outputs.into_iter().filter(|(_, output)| self.is_made(output));
        made.map(|(id, output)| (id, text(&output["Value"]), export(&output))).collect()
    }

    fn value(&self, name: &str) -> Value {
        let known = match name {
            "AWS::NoValue" => Some(NO_VALUE),
            _ => self.values.get(name).cloned(),
        };
        let usual = || match name {
            "AWS::Partition" => Some(json!("aws")),
            "AWS::Region" => Some(json!("us-east-1")),
            "AWS::URLSuffix" => Some(json!("amazonaws.com")),
            _ => None,
        };
        known.or_else(usual).unwrap_or_else(|| panic!("{}: no value for {name}", self.path))
    }

    fn text(&self, value: &Value) -> String {
        match self.resolve(value) {
            Value::String(text) => text,
            other => panic!("{}: {other} is no text", self.path),
        }
    }

    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => {
                items.iter().map(|item| self.resolve(item)).filter(|item| *item != NO_VALUE).collect()
            }
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
            "Ref" | "Fn::GetAtt" | "Fn::ImportValue" => self.value(argument.as_str().unwrap()),
            "Fn::Sub" => json!(self.substitute(argument)),
            "Fn::If" => self.resolve(item(if self.holds(&json!({"Condition": item(0)})) { 1 } else { 2 })),
            "Fn::Join" => {
                let list = self.resolve(item(1));
                let texts: Vec<&str> = list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
                json!(texts.join(item(0).as_str().unwrap()))
            }
            "Fn::Select" => {
                let list = self.resolve(item(1));
                list[usize::try_from(item(0).as_u64().unwrap()).unwrap()].clone()
            }
            "Fn::Split" => json!(self.text(item(1)).split(item(0).as_str().unwrap()).collect::<Vec<_>>()),
            _ if name.starts_with("Fn::") => panic!("{}: {name} is not known here", self.path),
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
            out += value.as_str().unwrap_or_else(|| panic!("{}: {name} is no text", self.path));
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
            other => panic!("{}: {other} is not known here", self.path),
        }
    }
}

/// The names that a value refers to, those of parameters among them.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref" | "Fn::GetAtt" | "DependsOn", Value::String(name)) => {
                        found.insert(name.split('.').next().unwrap().to_owned());
                    }
                    ("DependsOn", Value::Array(names)) => {
                        found.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
                    }
                    ("Fn::Sub", _) => {
                        let text = value.as_str().or_else(|| value[0].as_str()).unwrap();
                        let names = text.split("${").skip(1).filter_map(|rest| rest.split(['}', '.']).next());
                        found.extend(names.map(str::to_owned));
                        references(value, found);
                    }
                    _ => references(value, found),
                }
            }
        }
        _ => {}
    }
}

fn is_list(parameter: &Value) -> bool {
    parameter["Type"] == "CommaDelimitedList"
}

/// A number as the text that CloudFormation makes of it.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// YAML as JSON, with the short forms of functions as the long ones.
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
        Yaml::Mapping(map) => {
            map.into_iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value))).collect()
        }
        other => serde_json::to_value(other).unwrap(),
    }
}

#[test]
fn functions() {
    let template = Template::read(
        "examples/parent-role.yaml",
        &[
            ("ParentZoneId", "Z1"),
            ("Names", "a.example.com,*.dev.example.com"),
            ("ExternalId", "secret-id"),
            ("AWS::AccountId", "111111111111"),
        ],
    );
    let role = template.resource("/ParentRole/Properties");
    assert_eq!(
        role.pointer("/Policies/0/PolicyDocument/Statement/2/Condition/ForAllValues:StringLike").unwrap(),
        &json!({"route53:ChangeResourceRecordSetsNormalizedRecordNames": [
            "a.example.com", "*.dev.example.com", "_delegation-a.example.com", "_delegation-*.dev.example.com",
        ]})
    );
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"]["AWS"], "arn:aws:iam::111111111111:root", "nobody outside is admitted by default");
    assert_eq!(trust["Condition"]["StringEquals"], json!({"sts:ExternalId": "secret-id"}), "no value, no key");
}
