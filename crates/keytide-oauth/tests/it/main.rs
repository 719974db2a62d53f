//! Client credentials against servers that behave, and that do not.

mod assertions;
mod building;
mod conformance;
mod faults;
mod requests;
mod subjects;
mod support;
