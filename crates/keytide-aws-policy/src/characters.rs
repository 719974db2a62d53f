//! What the names and tags of sessions may hold.

/// Whether the name of a role session, a source identity and the name of a role may hold it: `[A-Za-z0-9_+=,.@-]`.
#[must_use]
pub fn is_legal_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

/// Whether the key and the value of a session tag may hold it: letters and digits of any script, spaces and `_.:/=+-@`.
#[must_use]
pub fn is_legal_in_tag(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}
