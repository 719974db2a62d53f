//! What counts as a circle, by hand-made sources.

use keytide_circles::Crate;

/// The files of each circle.
fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let circles = Crate::of(files).unwrap().circles();
    let names = circles
        .iter()
        .map(|circle| circle.files().collect::<Vec<_>>().join(" "));
    names.collect()
}

#[test]
fn two_that_import_each_other_are_a_circle() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::a::A; pub struct B;"),
        ("c.rs", "use crate::{a::A, b::B};"),
    ]);

    assert_eq!(found, ["a.rs b.rs"]);
}

#[test]
fn three_in_a_row_are_a_circle_by_use_and_by_path() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::{self, B}; pub struct A;"),
        ("b.rs", "pub struct B(pub(crate) crate::c::C);"),
        (
            "c.rs",
            "pub struct C; impl C { fn f() { let x = super::a::A; } }",
        ),
    ]);

    assert_eq!(found, ["a.rs b.rs c.rs"]);
}

#[test]
fn one_way_is_no_circle() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use std::fmt; pub struct B;"),
    ]);

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_re_export_is_followed_to_where_it_is_defined() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c; pub use b::Deep as Face;"),
        ("a.rs", "use crate::Face; pub struct A;"),
        ("b/mod.rs", "mod deep; pub use self::deep::*;"),
        ("b/deep.rs", "use crate::c::C; pub struct Deep;"),
        ("c.rs", "use crate::a::A; pub struct C;"),
    ]);

    assert_eq!(found, ["a.rs b/deep.rs c.rs"]);
}

#[test]
fn a_private_import_of_a_parent_is_followed_too() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod inner; use crate::b::B;"),
        ("a/inner.rs", "use super::B; pub struct Inner;"),
        ("b.rs", "use crate::a::inner::Inner; pub struct B;"),
    ]);

    assert_eq!(found, ["a/inner.rs b.rs"]);
}

#[test]
fn a_name_that_is_imported_as_a_module_leads_into_it() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b; fn f() { b::inner::g() }"),
        ("b/mod.rs", "pub mod inner;"),
        ("b/inner.rs", "use crate::a::f;"),
    ]);

    assert_eq!(found, ["a.rs b/inner.rs"]);
}

#[test]
fn a_module_and_its_submodules_may_name_each_other() {
    let found = circles(&[
        ("lib.rs", "mod a;"),
        (
            "a.rs",
            "mod one; mod two; use self::one::One; struct A(One, two::Two);",
        ),
        ("a/one.rs", "use super::A; pub struct One;"),
        ("a/two.rs", "use super::A; pub struct Two;"),
    ]);

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_circle_through_siblings_counts_and_whoever_only_hangs_on_it_does_not() {
    let found = circles(&[
        ("lib.rs", "mod a;"),
        (
            "a.rs",
            "mod one; mod two; mod three; struct A(one::One, three::Three);",
        ),
        ("a/one.rs", "use super::two::Two; pub struct One;"),
        ("a/two.rs", "use super::A; pub struct Two;"),
        ("a/three.rs", "use super::A; pub struct Three;"),
    ]);

    assert_eq!(found, ["a.rs a/one.rs a/two.rs"]);
}

#[test]
fn a_face_that_only_re_exports_leads_nowhere() {
    let found = circles(&[
        ("lib.rs", "mod a;"),
        (
            "a.rs",
            "mod one; mod two; pub use self::one::One; pub struct A;",
        ),
        ("a/one.rs", "use super::two::Two; pub struct One;"),
        ("a/two.rs", "use super::A; pub struct Two;"),
    ]);

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_face_that_uses_what_it_re_exports_leads_to_it() {
    let found = circles(&[
        ("lib.rs", "mod a;"),
        (
            "a.rs",
            "mod one; mod two; pub use self::one::One; pub struct A(One);",
        ),
        ("a/one.rs", "use super::two::Two; pub struct One;"),
        ("a/two.rs", "use super::A; pub struct Two;"),
    ]);

    assert_eq!(found, ["a.rs a/one.rs a/two.rs"]);
}

#[test]
fn tests_lead_nowhere() {
    let found = circles(&[
        (
            "lib.rs",
            "mod a; mod b; #[cfg(all(test, other))] mod model;",
        ),
        (
            "a.rs",
            "use crate::b::B; pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        (
            "b.rs",
            "pub struct B;
             #[cfg(test)] #[expect(unused)] use crate::{a::A, model};
             #[cfg(test)] mod tests { fn f() -> crate::a::A { use super::B; } }
             #[cfg(test)] const X: [u8; 1] = [crate::a::X];
             struct C { #[cfg(test)] a: crate::a::A }",
        ),
        ("model.rs", "use crate::a::A;"),
    ]);

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_is_not_for_tests_leads_on() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        (
            "b.rs",
            "#[cfg(test)] mod tests {} #[cfg(not(test))] use crate::a::A; pub struct B;",
        ),
    ]);

    assert_eq!(found, ["a.rs b.rs"]);
}

#[test]
fn comments_and_strings_lead_nowhere() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        (
            "b.rs",
            "/// [`crate::a::A`]
             pub struct B; // crate::a::A
             /* use crate::a::A; */ const TEXT: &str = \"crate::a::A\";",
        ),
    ]);

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_module_inside_a_file_is_of_that_file() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "mod imp { use super::super::b::B; pub struct I; } pub use imp::I;",
        ),
        ("b.rs", "use crate::a::I; pub struct B;"),
    ]);

    assert_eq!(found, ["a.rs b.rs"]);
}
