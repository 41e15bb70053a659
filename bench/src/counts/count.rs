//! Counting: the benchmarks are built, run under callgrind by gungraun, and what it writes is read.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::file::Counts;
use super::said;
use crate::error::{BenchError, Result, Trying as _};
use crate::stage::progress;

/// The counts that are kept, below the root of the repository.
pub(super) const FILE: &str = "benches/counts.txt";

/// Counts the functions of the tree at `root`, built below `target`; what gungraun writes is below its folder `name`.
///
/// # Errors
/// [`BenchError::Usage`] where they do not build or run, [`BenchError::Io`].
pub(super) fn count(root: &Path, target: &Path, name: &str) -> Result<BTreeMap<String, u64>> {
    progress(&format!("counting the functions of {}", root.display()));
    let home = target.join(name);
    match std::fs::remove_dir_all(&home) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).trying("remove old counts"),
        _ => {}
    }
    // Incremental builds are divided otherwise, and inline otherwise.
    let status = Command::new("cargo")
        .args(["bench", "--locked", "--quiet", "--bench", "counts"])
        .current_dir(root)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", target)
        .env("GUNGRAUN_HOME", &home)
        .env("GUNGRAUN_SAVE_SUMMARY", "json")
        .env("GUNGRAUN_PARALLEL", std::thread::available_parallelism().map_or(1, std::num::NonZero::get).to_string())
        .stdout(Stdio::null())
        .status()
        .trying("run cargo")?;
    if !status.success() {
        return Err(BenchError::Usage(format!("the functions of {} could not be counted: {status}", root.display())));
    }
    let mut counts = BTreeMap::new();
    read(&home, &mut counts)?;
    if counts.is_empty() {
        return Err(BenchError::Usage(format!("no counts were written to {}", home.display())));
    }
    Ok(counts)
}

/// Counts the functions of a commit, in a work tree that is removed afterwards, and reads its file of counts. `None` where it has
/// none, or is made for another version of gungraun's runner.
///
/// # Errors
/// Those of [`count`].
pub(super) fn counted_at(root: &Path, commit: &str) -> Result<Option<(BTreeMap<String, u64>, Counts)>> {
    let git = || {
        let mut git = Command::new("git");
        git.current_dir(root);
        git
    };
    let Ok(kept) = said(git().args(["show", &format!("{commit}:{FILE}")])) else { return Ok(None) };
    let kept = Counts::parse(&kept)?;
    let ours = std::fs::read_to_string(root.join("Cargo.lock")).trying("read Cargo.lock")?;
    if gungraun(&said(git().args(["show", &format!("{commit}:Cargo.lock")]))?) != gungraun(&ours) {
        return Ok(None);
    }
    // What does not belong to us is built already.
    let target = root.join("target");
    let tree = target.join("tree-before");
    // One that was left by a run that was killed.
    let remove = || said(git().args(["worktree", "remove", "--force"]).arg(&tree));
    let _ = remove();
    said(git().args(["worktree", "add", "--detach", "--quiet"]).arg(&tree).arg(commit))?;
    let counted = count(&tree, &target, "counts-before");
    remove()?;
    Ok(Some((counted?, kept)))
}

/// The version of gungraun in a lock file. A runner takes the benchmarks of its own version only.
fn gungraun(lock: &str) -> Option<&str> {
    lock.split_once("name = \"gungraun\"\nversion = \"")?.1.split('"').next()
}

/// Reads every summary below a directory.
fn read(directory: &Path, counts: &mut BTreeMap<String, u64>) -> Result<()> {
    for entry in std::fs::read_dir(directory).trying(format!("read {}", directory.display()))? {
        let path = entry.trying("read a directory")?.path();
        if path.is_dir() {
            read(&path, counts)?;
        } else if path.file_name().is_some_and(|name| name == "summary.json") {
            let text = std::fs::read(&path).trying(format!("read {}", path.display()))?;
            let (name, instructions) = serde_json::from_slice(&text)
                .ok()
                .as_ref()
                .and_then(counted)
                .ok_or_else(|| BenchError::Usage(format!("{} is not what gungraun writes", path.display())))?;
            counts.insert(name, instructions);
        }
    }
    Ok(())
}

/// The function of a summary and its instructions.
fn counted(summary: &Value) -> Option<(String, u64)> {
    let id = summary.get("id")?.as_str()?;
    let name = match summary.get("function_name")?.as_str()? {
        "verb" => format!("store_{id}"),
        _ => id.to_owned(),
    };
    Some((name, summary.pointer("/profiles/0/data/total/metrics/Ir/values/new")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lock_file_names_the_runner_that_it_takes() {
        let lock = "[[package]]\nname = \"gungraun-common\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"gungraun\"\nversion = \"0.20.0\"\n";
        assert_eq!(gungraun(lock), Some("0.20.0"));
        assert!(gungraun(include_str!("../../../Cargo.lock")).is_some());
        assert_eq!(gungraun("version = 4\n"), None);
    }

    #[test]
    fn a_summary_has_a_name_and_a_count() {
        let summary = |function: &str| {
            let total = json!({"metrics": {"Ir": {"values": {"new": 8354}}}});
            json!({"function_name": function, "id": "session", "profiles": [{"data": {"total": total}}]})
        };
        assert_eq!(counted(&summary("function")), Some(("session".to_owned(), 8354)));
        assert_eq!(counted(&summary("verb")), Some(("store_session".to_owned(), 8354)));
        assert_eq!(counted(&json!({"function_name": "function", "id": "session", "profiles": []})), None);
    }
}
