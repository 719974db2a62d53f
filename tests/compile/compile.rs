//! Code that must not compile: a secret cannot be copied, shown or serialised by accident; what is no provider is told so.

#[test]
fn secrets_cannot_be_cloned_displayed_serialized_or_compared() {
    trybuild::TestCases::new().compile_fail("compile_fail/*.rs");
}

#[test]
fn what_is_no_provider_is_told_how_it_becomes_one() {
    trybuild::TestCases::new().compile_fail("no_provider/*.rs");
}
