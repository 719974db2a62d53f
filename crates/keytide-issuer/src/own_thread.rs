//! What takes long, once, on a thread of its own: [`on_own_thread`].

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::oneshot;

/// Runs what takes a millisecond or more, such as a signature, where it holds up nobody.
///
/// Unlike tokio's `spawn_blocking`, which panics where no thread can be had, this is an error then, and it needs no runtime.
/// What may block for ever belongs in [`OneAtATime`](crate::OneAtATime): here each call has a thread. Whoever gives up waiting
/// does not end the job.
///
/// # Errors
/// When no thread can be had, or the job panicked.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let sum = keytide_issuer::on_own_thread(|| (1..=1000).sum::<u64>()).await?;
/// assert_eq!(sum, 500_500);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn on_own_thread<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, answer) = oneshot::channel();
    thread::Builder::new()
        .name("keytide-job".to_owned())
        .spawn(move || {
            if let Ok(result) = catch_unwind(AssertUnwindSafe(job)) {
                let _ = done.send(result);
            }
        })?;
    answer
        .await
        .map_err(|_| io::Error::other("what was run on a thread of its own panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_is_an_error() {
        assert_eq!(on_own_thread(|| 7).await.unwrap(), 7);
        let error = on_own_thread(|| panic!("on purpose")).await.unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
    }
}
