//! What boundaries allow and deny, by an evaluator of its own, and what the lint finds.

mod building;
mod escalations;
mod linting;

use super::*;
use crate::evaluator::{Call, Decision, Policy, evaluate};
