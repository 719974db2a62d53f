//! The versions that the report names. A test holds them to `Cargo.lock`.

pub(crate) const ARC_SWAP: &str = "1.9.5";
pub(crate) const AWS_SMITHY_RUNTIME: &str = "1.16.2";
pub(crate) const AZURE_IDENTITY: &str = "1.0.0";
pub(crate) const GCP_AUTH: &str = "0.12.7";
pub(crate) const GOOGLE_CLOUD_AUTH: &str = "1.18.0";
pub(crate) const MOKA: &str = "0.12.16";
pub(crate) const OBJECT_STORE: &str = "0.14.2";
pub(crate) const REQSIGN_CORE: &str = "3.3.2";

/// Crates and their versions.
pub(crate) const ALL: [(&str, &str); 8] = [
    ("arc-swap", ARC_SWAP),
    ("aws-smithy-runtime", AWS_SMITHY_RUNTIME),
    ("azure_identity", AZURE_IDENTITY),
    ("gcp_auth", GCP_AUTH),
    ("google-cloud-auth", GOOGLE_CLOUD_AUTH),
    ("moka", MOKA),
    ("object_store", OBJECT_STORE),
    ("reqsign-core", REQSIGN_CORE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_the_versions_of_the_lock_file() {
        let lock = include_str!("../../../../Cargo.lock");
        for (name, version) in ALL {
            let locked: Vec<&str> = lock
                .split("[[package]]")
                .filter(|package| package.contains(&format!("\nname = \"{name}\"\n")))
                .filter_map(|package| package.split("\nversion = \"").nth(1)?.split('"').next())
                .collect();
            assert_eq!(locked, [version], "{name}");
        }
    }
}
