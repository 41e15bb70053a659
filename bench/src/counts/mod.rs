//! Instructions of the functions of `benches/`, held to a file or to the commit before.

mod compare;
mod count;
mod file;
mod machine;

use std::path::{Path, PathBuf};
use std::process::Command;

use self::compare::{Finding, compare, meant};
use self::count::{FILE, count, counted_at};
use self::file::Counts;
pub(crate) use self::machine::features;
use crate::error::{BenchError, Result, Trying as _};

/// Counts, and compares with the file where it is of such a machine, else with the commit before; with the commit that was named in
/// any case. With `update` it writes the file.
///
/// Blocks for the minutes that building the benchmarks takes, and one more.
///
/// # Errors
/// [`BenchError::More`] where a function takes more than 3 % more, or is not in the file; [`BenchError::Io`] and
/// [`BenchError::Usage`] where it could not be counted.
pub(crate) fn run(update: bool, named: Option<&str>) -> Result<()> {
    let root = PathBuf::from(said(Command::new("git").args(["rev-parse", "--show-toplevel"]))?);
    let now = Counts { machine: machine::here(&root)?, instructions: count(&root, &root.join("target"), "counts")? };
    let path = root.join(FILE);
    if update {
        std::fs::write(&path, now.to_string()).trying(format!("write {FILE}"))?;
        println!("{} functions were counted and written to {FILE}", now.instructions.len());
        return Ok(());
    }
    let kept = Counts::parse(&std::fs::read_to_string(&path).trying(format!("read {FILE}"))?)?;
    let differing = kept.other_machine(&now.machine);
    if differing.is_empty() && named.is_none() {
        return told(&compare(&kept.instructions, &now.instructions, |_| 1.0), FILE, true);
    }
    if !differing.is_empty() {
        println!("{FILE} is of another machine:\n  {}", differing.join("\n  "));
    }
    let Some(base) = named.map_or_else(|| base(&root), |named| Ok(Some(named.to_owned())))? else {
        println!("{} functions were counted; there is no commit before this one to compare with", now.instructions.len());
        return Ok(());
    };
    let Some((before, kept_before)) = counted_at(&root, &base)? else {
        println!("{} functions were counted; at {base} there was nothing to compare with", now.instructions.len());
        return Ok(());
    };
    // Where both files are of one machine, what they differ by is meant.
    let comparable = kept_before.other_machine(&kept.machine).is_empty();
    let meant = |name: &str| if comparable { meant(&kept_before.instructions, &kept.instructions, name) } else { 1.0 };
    told(&compare(&before, &now.instructions, meant), &base, false)
}

/// Says what was found. What is not in the file is a fault; what the commit before did not count is not.
fn told(findings: &[Finding], beside: &str, complete: bool) -> Result<()> {
    let mut faults = Vec::new();
    for finding in findings {
        match finding {
            Finding::More(text) => faults.push(text.clone()),
            Finding::Unknown(text) if complete => faults.push(text.clone()),
            Finding::Unknown(text) | Finding::Fewer(text) => println!("{text}"),
        }
    }
    if faults.is_empty() {
        println!("no function takes more than 3 % more instructions than at {beside}");
        return Ok(());
    }
    Err(BenchError::More(faults.join("\n  ")))
}

/// The commit to compare with: where this branch left `main`, and on `main` itself the commit before.
fn base(root: &Path) -> Result<Option<String>> {
    let git = |words: &[&str]| said(Command::new("git").current_dir(root).args(words));
    let head = git(&["rev-parse", "HEAD"])?;
    let fork = ["origin/main", "main"].iter().find_map(|main| git(&["merge-base", "HEAD", main]).ok());
    match fork {
        Some(fork) if fork != head => Ok(Some(fork)),
        _ if git(&["rev-list", "--count", "HEAD"])? == "1" => Ok(None),
        _ => git(&["rev-parse", "HEAD^"]).map(Some),
    }
}

/// What a program says on standard output, without the last line's end.
fn said(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().trying(format!("run {name}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BenchError::Usage(format!("{name} failed: {error}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
