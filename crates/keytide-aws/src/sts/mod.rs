//! The security token service: where it is asked, how, and what its answers mean.

mod call;
mod endpoint;
mod transport;

pub(crate) use self::call::{Call, keys_of};
pub(crate) use self::endpoint::{StsEndpoint, host_of, sts_setters};
