//! The exports of a Region, each of which is unique in its account (CloudFormation User Guide, "Get
//! exported outputs from a deployed CloudFormation stack").
//!
//! No probe: no template of the probes exports a value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The exports and imports, by account.
#[derive(Default)]
pub(super) struct Exports(BTreeMap<String, AccountExports>);

#[derive(Default)]
struct AccountExports {
    exports: BTreeMap<String, Export>,
    /// The names that each stack imports.
    imports: BTreeMap<String, BTreeSet<String>>,
}

struct Export {
    value: Value,
    /// The stack that exports it. None if a test does.
    stack: Option<String>,
}

impl Exports {
    /// Exports a value that no stack has.
    pub(super) fn set(&mut self, account: &str, name: &str, value: Value) {
        let export = Export { value, stack: None };
        self.account_mut(account).exports.insert(name.to_owned(), export);
    }

    pub(super) fn get(&self, account: &str, name: &str) -> Option<Value> {
        Some(self.0.get(account)?.exports.get(name)?.value.clone())
    }

    /// All exports of an account, by name.
    pub(super) fn all(&self, account: &str) -> Vec<(String, Value)> {
        let exports = self.0.get(account).into_iter().flat_map(|account| &account.exports);
        exports.map(|(name, export)| (name.clone(), export.value.clone())).collect()
    }

    /// Replaces what a stack exports and imports.
    pub(super) fn replace(
        &mut self,
        account: &str,
        stack: &str,
        exports: Vec<(String, Value)>,
        imports: BTreeSet<String>,
    ) {
        self.remove(account, stack);
        let account = self.account_mut(account);
        for (name, value) in exports {
            account.exports.insert(name, Export { value, stack: Some(stack.to_owned()) });
        }
        account.imports.insert(stack.to_owned(), imports);
    }

    /// Removes what a stack exports and imports.
    pub(super) fn remove(&mut self, account: &str, stack: &str) {
        let account = self.account_mut(account);
        account.exports.retain(|_, export| export.stack.as_deref() != Some(stack));
        account.imports.remove(stack);
    }

    /// Why the stack can't have these exports instead of its own: another stack imports one that
    /// would be deleted or get another value.
    pub(super) fn in_use(
        &self,
        account: &str,
        stack: &str,
        desired: &[(String, Value)],
    ) -> Option<String> {
        let account = self.0.get(account)?;
        let mut of_stack =
            account.exports.iter().filter(|(_, export)| export.stack.as_deref() == Some(stack));
        of_stack.find_map(|(name, export)| {
            let verb = match desired.iter().find(|(desired, _)| desired == name) {
                Some((_, value)) if *value == export.value => return None,
                Some(_) => "update",
                None => "delete",
            };
            let mut others = account.imports.iter().filter(|(importer, _)| *importer != stack);
            let (importer, _) = others.find(|(_, names)| names.contains(name))?;
            Some(format!("Cannot {verb} export {name} as it is in use by {importer}"))
        })
    }

    fn account_mut(&mut self, account: &str) -> &mut AccountExports {
        self.0.entry(account.to_owned()).or_default()
    }
}
