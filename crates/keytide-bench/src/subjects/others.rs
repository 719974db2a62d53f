//! What the report says of subjects that take part in one scenario only.

use super::versions::ARC_SWAP;
use crate::entrant::{Info, Role};

/// What the report says of a subject of this name.
pub(crate) fn other(name: &str) -> Info {
    let ours = env!("CARGO_PKG_VERSION");
    let (krate, version, role) = match name {
        "keytide, no retry" => ("keytide-http", ours, Role::Keytide),
        _ if name.starts_with("keytide") => ("keytide-core", ours, Role::Keytide),
        _ if name.to_lowercase().starts_with("arc") => ("arc-swap", ARC_SWAP, Role::Primitive),
        _ => ("", "", Role::Primitive),
    };
    let path = match name {
        "keytide handle" => "handle.read(|credential| …), one handle for each task",
        "keytide read, slow path" => {
            "cache.need().lasting(1 ns).read(…): what one read in each second pays"
        }
        "keytide try_get" => "cache.try_get(), owned, without a wait",
        "keytide, no retry" => "AuthorizedClient without_retry()",
        "reqwest, fixed header" => "a header made once: what a request costs without any cache",
        _ => "a part that a cache could be made of; it keeps nothing fresh",
    };
    Info::new(name, version, role).of_crate(krate).path(path)
}
