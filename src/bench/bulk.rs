//! Fills a data directory through the store, without a password hash for each session.

use std::sync::atomic::AtomicBool;

use super::error::{BenchError, Result};
use super::options::Options;

/// Makes the directory that `--data-dir` names and fills it.
///
/// # Errors
/// [`BenchError::Exists`].
pub(super) fn fill_only(options: &Options, _stop: &AtomicBool) -> Result<()> {
    match &options.data_dir {
        Some(path) if path.exists() => Err(BenchError::Exists(path.clone())),
        _ => Err(BenchError::Usage("not measured yet".to_owned())),
    }
}
