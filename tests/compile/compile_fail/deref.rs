fn main() {
    let secret = keytide_core::Secret::from("s".to_owned());
    let bytes: &[u8] = &secret;
}
