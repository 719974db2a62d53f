//! A `Date`, beside a `Retry-After` that is a date.
#![no_main]

libfuzzer_sys::fuzz_target!(|value: &str| {
    keytide_issuer::fuzz_dates(value, "Tue, 24 Nov 2026 10:02:00 GMT");
});
