//! The security token service: where it is asked, how, and what its answers mean.

mod call;
mod place;
mod transport;

pub(crate) use self::call::{Call, keys_of, managed};
pub(crate) use self::place::{Place, host_of, place_setters};
