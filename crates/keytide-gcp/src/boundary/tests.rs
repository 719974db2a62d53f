//! Boundaries, written and refused.

use keytide_core::ErrorKind;
use serde_json::json;

use super::*;

fn viewer(bucket: &str) -> BoundaryRule {
    BoundaryRule::bucket(bucket).role("roles/storage.objectViewer")
}

#[test]
fn a_boundary_is_written_as_google_documents_it() {
    let boundary = AccessBoundary::new([
        viewer("invoices").objects_under("2026/").title("this year"),
        viewer("reports").role("projects/p1/roles/reader"),
        viewer("logs")
            .condition("resource.name == 'x'")
            .description("one object"),
    ]);

    assert_eq!(
        boundary.unwrap().options(),
        json!({ "accessBoundary": { "accessBoundaryRules": [
            {
                "availableResource": "//storage.googleapis.com/projects/_/buckets/invoices",
                "availablePermissions": ["inRole:roles/storage.objectViewer"],
                "availabilityCondition": {
                    "title": "this year",
                    "expression": "resource.name.startsWith('projects/_/buckets/invoices/objects/2026/') || \
                        api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('2026/')",
                },
            },
            {
                "availableResource": "//storage.googleapis.com/projects/_/buckets/reports",
                "availablePermissions": ["inRole:roles/storage.objectViewer", "inRole:projects/p1/roles/reader"],
            },
            {
                "availableResource": "//storage.googleapis.com/projects/_/buckets/logs",
                "availablePermissions": ["inRole:roles/storage.objectViewer"],
                "availabilityCondition": { "expression": "resource.name == 'x'", "description": "one object" },
            },
        ] } })
    );
}

#[test]
fn a_prefix_cannot_end_its_quotation() {
    let boundary =
        AccessBoundary::new([viewer("invoices").objects_under("a') || true || x.startsWith('\\")])
            .unwrap();

    let written = boundary.options().to_string();
    let written: Value = serde_json::from_str(&written).unwrap();
    let expression =
        written.pointer("/accessBoundary/accessBoundaryRules/0/availabilityCondition/expression");
    assert_eq!(
        expression.unwrap(),
        "resource.name.startsWith('projects/_/buckets/invoices/objects/a\\') || true || x.startsWith(\\'\\\\') || \
         api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('a\\') || true || x.startsWith(\\'\\\\')"
    );
}

#[test]
fn the_documented_limits_are_kept() {
    let many =
        |count: usize| AccessBoundary::new((0..count).map(|n| viewer(&format!("bucket-{n}"))));
    for (count, good) in [(0, false), (1, true), (10, true), (11, false)] {
        assert_eq!(many(count).is_ok(), good, "{count}");
    }
    for rule in [
        BoundaryRule::bucket("invoices"),
        viewer("in"),
        viewer("Invoices"),
        viewer("invoices/../x"),
        viewer("-invoices"),
        viewer("invoices'"),
        viewer(&"x".repeat(223)),
        viewer("invoices").role(""),
        viewer("invoices").role("storage.objectViewer"),
        viewer("invoices").role("inRole:roles/storage.objectViewer"),
        viewer("invoices").role("roles/a/b"),
        viewer("invoices").objects_under(""),
        viewer("invoices").objects_under("a\nb"),
        viewer("invoices").objects_under("a").condition("true"),
        viewer("invoices").title("of nothing"),
    ] {
        let error = AccessBoundary::new([rule.clone()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{rule:?}");
    }
}

#[test]
fn a_condition_is_as_long_as_google_takes_it_and_no_longer() {
    let around = viewer("invoices")
        .objects_under("x")
        .expression()
        .unwrap()
        .chars()
        .count()
        - 2;
    // A quote takes two characters where it is written out, and one of two bytes is one.
    for (rule, good) in [
        (viewer("invoices").condition("é".repeat(2048)), true),
        (viewer("invoices").condition("x".repeat(2049)), false),
        (
            viewer("invoices").objects_under("x".repeat((2048 - around) / 2)),
            true,
        ),
        (
            viewer("invoices").objects_under("x".repeat((2048 - around) / 2 + 1)),
            false,
        ),
        (viewer("invoices").objects_under("'".repeat(500)), false),
    ] {
        let built = AccessBoundary::new([rule]);
        assert_eq!(built.is_ok(), good, "{built:?}");
        if let Err(error) = built {
            let text = error.to_string();
            assert!(text.contains("invoices") && text.contains("2048"), "{text}");
        }
    }
}
