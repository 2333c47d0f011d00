//! The stack that a template describes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Physical, TemplateStack};
use crate::deployment::StackResource;
use crate::lock::lock;
use crate::stack::stringified;
use crate::template::Template;

impl TemplateStack {
    /// Reads a template, with the values that are known before its first resource exists: its
    /// parameters, the pseudo parameters, and the exports of the account.
    pub(super) fn template(&self, document: &Value, parameters: &[(&str, &str)]) -> Template {
        let mut values = self.stored_parameters(document);
        values.extend(
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        values.insert("AWS::AccountId".into(), self.state.account.clone());
        values.insert("AWS::Region".into(), self.region.shared.region.clone());
        values.insert("AWS::StackName".into(), self.state.name.clone());
        values.insert("AWS::StackId".into(), self.stack_id().to_owned());
        let pairs: Vec<(&str, &str)> =
            values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut template = Template::new(&self.state.name, document.clone(), &pairs);
        for (name, value) in lock(&self.region.shared.exports).all(&self.state.account) {
            template.set(&name, value);
        }
        template
    }

    /// The values of the template's parameters that are names of SSM parameters.
    fn stored_parameters(&self, document: &Value) -> BTreeMap<String, String> {
        let stored = lock(&self.region.shared.parameters);
        let declared = document["Parameters"].as_object().into_iter().flatten();
        declared
            .filter(|(_, parameter)| {
                let kind = parameter["Type"].as_str().unwrap_or_default();
                kind.starts_with("AWS::SSM::Parameter::Value")
            })
            .map(|(name, parameter)| {
                let key = parameter["Default"].as_str().unwrap_or_default();
                let value = stored.get(&(self.state.account.clone(), key.to_owned()));
                (name.clone(), value.and_then(Value::as_str).unwrap_or("unknown").to_owned())
            })
            .collect()
    }
}

/// The resource as the template describes it, without a physical id.
pub(super) fn resource(template: &Template, id: &str, rank: usize) -> StackResource {
    let declared = template.declared(id);
    let mut properties = declared
        .get("Properties")
        .map_or(json!({}), |_| template.resource(&format!("/{id}/Properties")));
    let resource_type = declared["Type"].as_str().unwrap_or_default().to_owned();
    if resource_type == "AWS::CloudFormation::Stack" {
        // The CDK names the file of the assembly that is the nested template in the metadata.
        properties["Asset"] = declared["Metadata"]["aws:asset:path"].clone();
    } else if resource_type.starts_with("Custom::") {
        properties = stringified(&properties);
    }
    let physical = Physical { id: String::new(), attributes: Value::Null };
    let retained = declared["DeletionPolicy"] == "Retain";
    StackResource { resource_type, physical, properties, retained, rank }
}

/// Sets the values of `Ref` and `GetAtt` of a resource, for the resources after it.
pub(super) fn set_references(template: &mut Template, id: &str, physical: &Physical) {
    template.set(id, json!(physical.id));
    for (name, value) in physical.attributes.as_object().into_iter().flatten() {
        template.set(&format!("{id}.{name}"), value.clone());
    }
}
