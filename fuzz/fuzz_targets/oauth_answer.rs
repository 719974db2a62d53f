//! The body of a token endpoint's answer, as a success and as a failure.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| keytide_oauth::fuzz_answer(body));
