//! The security token service: where it is asked, how, and what its answers mean.

mod call;
mod endpoint;
mod hosts;
mod model;
mod partition;

pub(crate) use self::call::{Call, keys_of};
pub(crate) use self::endpoint::{
    ConfiguredUrl, ProfileEndpoint, StsEndpoint, host_of, sts_setters,
};
#[cfg(fuzzing)]
pub(crate) use self::model::fuzz_answer;
pub(crate) use self::model::{tagged, unwritten};
