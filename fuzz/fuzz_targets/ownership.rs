//! See `custom_delegation_fuzz::ownership`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| custom_delegation_fuzz::ownership(data));
