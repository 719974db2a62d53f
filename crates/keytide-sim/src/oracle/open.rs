//! Where the engine is known to differ from the contract: each is excused here and nowhere else, and goes when it is settled.

/// Refusals after the first are asked again under the floor too: their pause doubles from 0.5–1 s whatever the floor is, and
/// near the end of a life it is 0.5–1 s again.
pub(super) const REFUSALS_GO_UNDER_THE_FLOOR: bool = true;

/// Under an injected clock nobody keeps a reader's patience before its agent's first call has gone out: where that waits for a
/// place at its issuer, the patience ends with that wait.
pub(super) const PATIENCE_WAITS_FOR_THE_FIRST_CALL: bool = true;
