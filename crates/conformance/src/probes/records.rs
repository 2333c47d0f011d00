//! Record sets: their names, types and values, and what can't exist together.

pub(super) mod coexistence;
pub(super) mod guardrails;
pub(super) mod names;
pub(super) mod values;

const TYPES: &str = "Route 53 Developer Guide, \"Supported DNS record types\"; the words: no page";
const SET: &str = "Route 53 API Reference, ResourceRecordSet; the words: no page";
const NO_PAGE: &str = "no page";
const ADDRESS: &str = "192.0.2.1";
const DS_VALUE: &str = "1 13 2 ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD";
