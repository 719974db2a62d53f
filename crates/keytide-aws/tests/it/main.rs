//! The providers against fakes of their issuers.

#[cfg(unix)]
mod absent;
mod assume_role;
mod bridges;
mod canary;
mod certificates;
mod conformance;
mod container_endpoint;
mod default_role;
mod errors;
mod imds;
mod kinds;
mod local;
mod machine;
mod marks;
mod process;
mod profiles;
mod revocation;
mod support;
mod tokens;
mod web_identity;
