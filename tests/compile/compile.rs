//! Code that must not compile: a secret cannot be copied, shown or serialised by accident.

#[test]
fn secrets_cannot_be_cloned_displayed_serialized_or_compared() {
    trybuild::TestCases::new().compile_fail("compile_fail/*.rs");
}
