//! See `custom_delegation_fuzz::envelope`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| custom_delegation_fuzz::envelope(data));
