//! Revocations by name.

use super::Cache;
use super::revoking::Revoking;

impl Cache {
    /// Revokes the credential: when this returns, every read that starts fails, and no call under way can undo it.
    ///
    /// The secret is wiped when its last borrower lets go. Revoking twice is fine, and reports what is left then; it is not
    /// undone: build a new cache. The issuer is told by the future that is returned, where it can be told, within ten
    /// seconds; dropping it only omits that.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// use keytide_core::ErrorKind;
    ///
    /// cache.get().await?;
    /// let report = cache.revoke().await;
    /// assert_eq!(cache.try_get().unwrap_err().kind(), ErrorKind::Revoked);
    /// # let _ = report;
    /// # Ok(())
    /// # }
    /// ```
    pub fn revoke(&self) -> Revoking {
        Revoking::of(&self.shared, self.shared.revoke())
    }
}
