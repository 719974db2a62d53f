//! The contract of the cache, promise by promise: `docs/contract.md` says which test shows which rule.

mod simulation;
