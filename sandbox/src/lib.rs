//! A strict local AWS for the tests and the demo of `Custom::Delegation`.
