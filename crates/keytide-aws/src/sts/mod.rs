//! The security token service: where it is asked, how, and what its answers mean.

mod call;
mod endpoint;
mod hosts;
mod parameters;
mod partition;
mod xml;

pub(crate) use self::call::{Call, keys_of};
pub(crate) use self::endpoint::{
    ConfiguredUrl, ProfileEndpoint, StsEndpoint, host_of, sts_setters,
};
pub(crate) use self::parameters::Parameters;
pub(crate) use self::xml::Element;
