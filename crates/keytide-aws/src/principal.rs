//! What the ARN of a session tells.

/// The role of an assumed-role session, as a trust policy names it: `arn:aws:sts::1:assumed-role/r/s` becomes
/// `arn:aws:iam::1:role/r` (the path of the role is lost).
pub(crate) fn role_of_session(principal: &str) -> Option<String> {
    let (head, resource) = principal.split_once(":assumed-role/")?;
    let (role, _) = resource.split_once('/')?;
    let head = head.replacen(":sts:", ":iam:", 1);
    Some(format!("{head}:role/{role}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_leads_back_to_its_role() {
        let session = "arn:aws:sts::123456789012:assumed-role/reader/name";
        assert_eq!(
            role_of_session(session).as_deref(),
            Some("arn:aws:iam::123456789012:role/reader")
        );
        assert_eq!(role_of_session("reader"), None);
    }
}
