fn serialize<T: serde::Serialize>(_: &T) {}

fn main() {
    let secret = keytide_core::Secret::from("s".to_owned());
    serialize(&secret);
}
