//! Names of subjects that other modules look for.

/// `ArcSwap::load`.
pub(crate) const LOAD: &str = "ArcSwap::load";
/// The least that a shared read with a clock costs: what ratios are to.
pub(crate) const LOAD_AND_CLOCK: &str = "ArcSwap::load + coarse clock";
pub(crate) const LOAD_AND_TWO_CLOCKS: &str = "ArcSwap::load + two clocks";
pub(crate) const CACHE: &str = "arc_swap::Cache";
/// The least that a read of one task with a clock costs: what the ratios of those are to.
pub(crate) const CACHE_AND_CLOCK: &str = "arc_swap::Cache + coarse clock";
pub(crate) const BASELINE: &str = "baseline";
/// `get().await`.
pub(crate) const GET: &str = "keytide";
/// The borrowed read.
pub(crate) const READ: &str = "keytide read";
/// The read of one task.
pub(crate) const HANDLE: &str = "keytide handle";
/// The read that one in each second is.
pub(crate) const SLOW: &str = "keytide read, slow path";
pub(crate) const TRY_GET: &str = "keytide try_get";

/// The primitive, with the clock that no read of a credential does without, that a subject is set beside: of the reads by a task's
/// own handle one, and of all others the other.
pub(crate) fn base_of(subject: &str) -> &'static str {
    match subject {
        HANDLE | CACHE | CACHE_AND_CLOCK => CACHE_AND_CLOCK,
        _ => LOAD_AND_CLOCK,
    }
}
