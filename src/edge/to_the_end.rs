//! Running what changes state to its end.

use tracing::Instrument as _;

use super::request_id::carried;
use crate::service::{Error, Result};

/// Runs what changes state to its end, whether or not its caller stays: in a task of its own, which belongs to the same call.
///
/// # Errors
/// Those of `work`; [`Error::Internal`] where it panicked.
pub async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    match tokio::spawn(carried(work.in_current_span())).await {
        Ok(answer) => answer,
        Err(broken) => Err(Error::Internal(format!("the task of a call ended early: {broken}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_its_caller_leaves() {
        let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (gone, did) = (Arc::clone(&go), Arc::clone(&done));
        let mut call = Box::pin(to_the_end(async move {
            gone.notified().await;
            did.notify_one();
            Ok(())
        }));
        assert!(futures_util::poll!(&mut call).is_pending());
        drop(call);
        go.notify_one();
        done.notified().await;
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        assert!(matches!(to_the_end::<()>(async { panic!("in a task") }).await, Err(Error::Internal(_))));
    }
}
