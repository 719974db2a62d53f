//! keytide-gcp against the issuers of the test kit.

mod application_default;
mod beneath;
mod bridges;
mod conformance;
mod federation;
mod files;
mod golden;
mod impersonation;
mod keys;
mod kinds;
mod mended;
mod metadata;
mod secrecy;
mod settings;
mod support;
