//! A session of a role, whichever way it is asked for: what is asked, and what STS said of it.

mod builder;
mod duration;
mod request;
mod role_session;

pub(crate) use self::builder::{SessionRequestBuilder, session_setters};
pub(crate) use self::duration::SessionDuration;
pub(crate) use self::request::{Granted, SessionRequest};
pub(crate) use self::role_session::role_session;
pub use self::role_session::{RoleSession, RoleSessions};
