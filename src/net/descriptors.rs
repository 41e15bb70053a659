//! The process's limit of open files, which bounds its connections.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one, at most to `wanted`, and answers what holds now.
///
/// Never lowers it. If the system refuses, the limit stays as it was: that means fewer connections and is no reason to stop.
pub fn raise(wanted: u64) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let Some(soft) = limit.current else { return u64::MAX };
    let reachable = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    if reachable <= soft {
        return soft;
    }
    limit.current = Some(reachable);
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => reachable,
        Err(error) => {
            tracing::warn!(%error, soft, "could not raise the limit of open files");
            soft
        }
    }
}
