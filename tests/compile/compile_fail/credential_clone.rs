fn copy(credential: &keytide_core::Credential) -> keytide_core::Credential {
    credential.clone()
}

fn serialize<T: serde::Serialize>(_: &T) {}

fn main() {
    let _ = copy;
    let _ = serialize::<keytide_core::Credential>;
}
