//! The fewest patterns that deny what a service has, and none of what is kept.

use std::collections::BTreeSet;

use crate::guarded::{Reads, Service};
use crate::pattern::starts_with;

/// Patterns that match every action of a service that does not read, but for those that are `kept` (names without the
/// service). A pattern ends at the first letter at which it can: `iam:A*` covers what IAM has and what it may get.
pub(super) fn cover(service: &Service, kept: &BTreeSet<&str>) -> Vec<String> {
    let is_kept = |name: &str| kept.iter().any(|kept| kept.eq_ignore_ascii_case(name));
    let mut denied: Vec<&str> = service
        .writes
        .iter()
        .copied()
        .filter(|name| !is_kept(name))
        .collect();
    denied.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    let mut patterns = Vec::new();
    let conflicts = |prefix: &str| {
        let reads = match service.reads {
            Reads::Verbs(verbs) => verbs
                .iter()
                .any(|verb| starts_with(verb, prefix) || starts_with(prefix, verb)),
            Reads::Actions(names) => names.iter().any(|name| starts_with(name, prefix)),
        };
        reads || kept.iter().any(|kept| starts_with(kept, prefix))
    };
    split(&denied, 0, &conflicts, &mut |pattern| {
        patterns.push(format!("{}:{pattern}", service.prefix));
    });
    patterns
}

/// `denied` is sorted, and its names share their first `depth` letters.
fn split(
    denied: &[&str],
    depth: usize,
    conflicts: &dyn Fn(&str) -> bool,
    put: &mut dyn FnMut(String),
) {
    let Some(first) = denied.first() else {
        return;
    };
    let prefix = &first[..depth];
    if depth > 0 && !conflicts(prefix) {
        return put(format!("{prefix}*"));
    }
    let mut rest = denied;
    while let Some(name) = rest.first() {
        let Some(letter) = name.as_bytes().get(depth) else {
            put((*name).to_owned());
            rest = &rest[1..];
            continue;
        };
        let same = |name: &&str| {
            name.as_bytes()
                .get(depth)
                .is_some_and(|other| other.eq_ignore_ascii_case(letter))
        };
        let count = rest.iter().take_while(|name| same(name)).count();
        split(&rest[..count], depth + 1, conflicts, put);
        rest = &rest[count..];
    }
}
