//! What the denials of a document take away again.

use super::statement::Statement;
use crate::pattern::matches;

/// Whether an action, by its full name, is denied on every resource and under all conditions.
pub(super) fn is_denied(action: &str, all: &[Statement<'_>]) -> bool {
    all.iter().any(|statement| {
        !statement.allows
            && statement.always()
            && !statement.actions.is_empty()
            && covers(statement, action)
    })
}

/// Whether the statement is about this action.
pub(super) fn covers(statement: &Statement<'_>, action: &str) -> bool {
    let named = statement
        .actions
        .iter()
        .any(|pattern| matches(pattern, action));
    named != statement.not_action
}
