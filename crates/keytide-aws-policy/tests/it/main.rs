//! What boundaries and revocations allow and deny, by an evaluator of its own, and what the lint finds.

mod answers;
mod building;
mod escalations;
mod evaluator;
mod linting;
mod revocation;
mod session_policies;
