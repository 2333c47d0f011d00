//! The answer that CloudFormation received.

use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Answer(pub Value);

impl Answer {
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.0["Status"], "SUCCESS", "{}", self.0);
        self
    }

    /// Asserts that the answer is a failure whose reason contains these words.
    #[track_caller]
    pub fn failed(self, words: &[&str]) -> Self {
        assert_eq!(self.0["Status"], "FAILED", "{}", self.0);
        for word in words {
            assert!(self.reason().contains(word), "{:?} does not contain {word:?}", self.reason());
        }
        self
    }

    pub fn reason(&self) -> &str {
        self.0["Reason"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn id(&self) -> &str {
        self.0["PhysicalResourceId"].as_str().unwrap()
    }

    #[track_caller]
    pub fn get(&self, attribute: &str) -> &str {
        self.0["Data"][attribute]
            .as_str()
            .unwrap_or_else(|| panic!("no attribute {attribute} in {}", self.0))
    }
}
