//! Why a cache does not refresh any more: [`Ended`].

/// Why a cache does not refresh any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub(crate) enum Ended {
    No = 0,
    ShutDown = 1,
    Revoked = 2,
}
