//! The deployment of a template, its rollback, and the deletion of a stack.
//!
//! The rollback is that of `cloudformation::deployment`. Here, resources have no order, references
//! or policies, so that a test of one function, or a random history, needs no whole template.

use serde_json::Value;

use super::{Outcome, Resource, Stack, Template};

/// A step of a deployment that a rollback undoes.
enum Step {
    Created { logical_id: String, physical_id: String, properties: Value },
    Updated { logical_id: String, old: Resource, physical_id: String, properties: Value },
}

impl Stack {
    /// Creates, updates and deletes resources until they are as in the template. After a failure,
    /// everything is rolled back. Probe: cloudformation/update, cloudformation/replacement, cloudformation/rename.
    pub async fn deploy(&self, template: &Template) -> Outcome {
        let fail_after = self.inner().fail_after.take();
        let before = self.resources();
        let mut steps = Vec::new();
        let mut replaced = Vec::new();
        for (logical_id, properties) in template {
            let properties = self.rendered(properties);
            let failure = match before.get(logical_id) {
                Some(old) if old.properties == properties => None,
                None => self.create(logical_id, properties, &mut steps).await,
                Some(old) => {
                    self.update(logical_id, old, properties, &mut steps, &mut replaced).await
                }
            };
            let other = (fail_after.as_ref() == Some(logical_id))
                .then(|| "another resource failed".to_owned());
            if let Some(reason) = failure.or(other) {
                return self.roll_back(steps, reason).await;
            }
        }
        // The cleanup deletes what was replaced, then what the template no longer has. Its failures
        // don't undo the update.
        for (logical_id, old) in replaced {
            let _ = self
                .request("Delete", &logical_id, Some(&old.physical_id), &old.properties, None)
                .await;
        }
        for (logical_id, old) in
            before.iter().filter(|(logical_id, _)| !template.contains_key(*logical_id))
        {
            let _ = self
                .request("Delete", logical_id, Some(&old.physical_id), &old.properties, None)
                .await;
            self.inner().resources.remove(logical_id);
        }
        Outcome::Complete
    }

    /// Deletes all resources.
    /// Probe: cloudformation/delete-failed.
    pub async fn delete(&self) -> Outcome {
        for (logical_id, resource) in self.resources().into_iter().rev() {
            let (id, properties) = (&resource.physical_id, &resource.properties);
            if let Err(failed) =
                self.request("Delete", &logical_id, Some(id), properties, None).await
            {
                return Outcome::Stuck(failed.reason);
            }
            self.inner().resources.remove(&logical_id);
        }
        Outcome::Complete
    }

    async fn create(
        &self,
        logical_id: &str,
        properties: Value,
        steps: &mut Vec<Step>,
    ) -> Option<String> {
        let result = self.request("Create", logical_id, None, &properties, None).await;
        let step = |physical_id| Step::Created {
            logical_id: logical_id.to_owned(),
            physical_id,
            properties: properties.clone(),
        };
        match result {
            Ok(resource) => {
                steps.push(step(resource.physical_id.clone()));
                self.inner().resources.insert(logical_id.to_owned(), resource);
                None
            }
            Err(failed) => {
                steps
                    .push(step(failed.physical_id.unwrap_or_else(|| self.invented_id(logical_id))));
                Some(failed.reason)
            }
        }
    }

    async fn update(
        &self,
        logical_id: &str,
        old: &Resource,
        properties: Value,
        steps: &mut Vec<Step>,
        replaced: &mut Vec<(String, Resource)>,
    ) -> Option<String> {
        let result = self
            .request(
                "Update",
                logical_id,
                Some(&old.physical_id),
                &properties,
                Some(&old.properties),
            )
            .await;
        let (physical_id, failure) = match result {
            Ok(resource) => {
                let id = resource.physical_id.clone();
                if id != old.physical_id {
                    replaced.push((logical_id.to_owned(), old.clone()));
                }
                self.inner().resources.insert(logical_id.to_owned(), resource);
                (id, None)
            }
            Err(failed) => (old.physical_id.clone(), Some(failed.reason)),
        };
        steps.push(Step::Updated {
            logical_id: logical_id.to_owned(),
            old: old.clone(),
            physical_id,
            properties,
        });
        failure
    }

    /// Undoes the steps: first the updates, including the one that failed, then the creations.
    /// Probe: cloudformation/rollback, cloudformation/rollback-of-replacement,
    /// cloudformation/rename-rolled-back.
    async fn roll_back(&self, steps: Vec<Step>, reason: String) -> Outcome {
        let mut superfluous = Vec::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Created { logical_id, physical_id, properties } => {
                    superfluous.push((logical_id.clone(), physical_id, properties));
                    self.inner().resources.remove(&logical_id);
                }
                Step::Updated { logical_id, old, physical_id, properties } => {
                    let back = self
                        .request(
                            "Update",
                            &logical_id,
                            Some(&physical_id),
                            &old.properties,
                            Some(&properties),
                        )
                        .await;
                    match back {
                        Ok(resource) => {
                            if resource.physical_id != physical_id {
                                superfluous.push((logical_id.clone(), physical_id, properties));
                            }
                            self.inner().resources.insert(logical_id, resource);
                        }
                        Err(failed) => return Outcome::Stuck(failed.reason),
                    }
                }
            }
        }
        for (logical_id, physical_id, properties) in superfluous {
            if let Err(failed) =
                self.request("Delete", &logical_id, Some(&physical_id), &properties, None).await
            {
                return Outcome::Stuck(failed.reason);
            }
        }
        Outcome::RolledBack(reason)
    }
}
