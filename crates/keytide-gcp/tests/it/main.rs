//! keytide-gcp against the issuers of the test kit.

mod application_default;
mod bridges;
mod conformance;
mod federation;
mod golden;
mod impersonation;
mod kinds;
mod keys;
mod metadata;
mod secrecy;
mod support;
