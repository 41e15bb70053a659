//! What the kernel says about a process: CPU time and memory; and on which cores a thread runs.

use std::num::NonZeroU64;
use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::{Result, Trying as _};

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident now (VmRSS).
    pub(crate) resident: u64,
    /// The most that ever was (VmHWM).
    pub(crate) peak: u64,
}

/// CPU time, user and system, of all threads of a process since its start. Exact to a clock tick, 10 ms.
pub(crate) fn cpu(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; what follows it does not.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let tick = 1_000_000 / rustix::param::clock_ticks_per_second();
    Some(Duration::from_micros((user + system) * tick))
}

/// Memory of a process.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Some(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// Keeps the calling thread, and every process and thread that it starts from now on, on one core.
///
/// # Errors
/// Where there is no such core.
pub(crate) fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).trying(format!("pin to core {core}"))
}

/// Gives the calling thread the cores that `cores` names; what [`cores`] answered before a [`pin`].
pub(crate) fn unpin(cores: &CpuSet) -> Result<()> {
    sched_setaffinity(None, cores).trying("unpin")
}

/// The cores of the calling thread.
pub(crate) fn cores() -> Result<CpuSet> {
    sched_getaffinity(None::<Pid>).trying("read the cores of a thread")
}

/// Makes timed waits of the calling thread as exact as the machine can; they are 50 us late by default.
pub(crate) fn exact_timers() {
    // A machine that refuses is less exact, and its latencies say so.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_has_memory_and_time() {
        let own = std::process::id();
        let memory = memory(own).unwrap();
        assert!(memory.resident > 100_000 && memory.peak >= memory.resident);
        assert!(cpu(own).is_some());
        assert!(cpu(0).is_none() && super::memory(0).is_none());
    }

    #[test]
    fn a_pinned_thread_has_one_core() {
        std::thread::spawn(|| {
            let before = cores().unwrap();
            let core = (0..CpuSet::MAX_CPU).find(|core| before.is_set(*core)).unwrap();
            pin(core).unwrap();
            assert_eq!(cores().unwrap().count(), 1);
            unpin(&before).unwrap();
            assert_eq!(cores().unwrap().count(), before.count());
        })
        .join()
        .unwrap();
    }
}
