//! What stands in answers for what is known only when they are sent: [`CANARY`] and [`IN`].

/// Stands for the body canary.
pub(super) const CANARY: &str = "{canary}";
/// Stands for an HTTP date so many seconds ahead of the server's clock.
pub(super) const IN: &str = "{in}";
