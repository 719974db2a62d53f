//! A `Retry-After`, beside a `Date` that is good.
#![no_main]

libfuzzer_sys::fuzz_target!(|value: &str| {
    keytide_issuer::fuzz_dates("Tue, 24 Nov 2026 10:00:00 GMT", value);
});
