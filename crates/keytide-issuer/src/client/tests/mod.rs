//! What the guard lets through, and what it does not.

mod endpoints;
mod names;
mod pool;
mod quick;
