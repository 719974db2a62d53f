fn main() {
    let secret = keytide_core::Secret::from("s".to_owned());
    let same = secret == secret;
}
