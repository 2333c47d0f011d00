//! See `custom_delegation_fuzz::properties`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| custom_delegation_fuzz::properties(data));
