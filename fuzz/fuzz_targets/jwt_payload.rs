//! The claims of a token, whatever its three parts hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|token: &[u8]| keytide_kubernetes::fuzz_token(token));
