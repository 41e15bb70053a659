//! A file system of the test's own in a file, on a loop device: small enough to be filled, and its power can be cut.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// `FS_IOC_SHUTDOWN` without flushing the journal: nothing that is not on the medium gets there any more. A call that the
/// standard library does not have; the argument is the directory, and a line on standard input says when.
const CUT: &str = "
import fcntl, os, struct, sys
directory = os.open(sys.argv[1], os.O_RDONLY)
print('ready', flush=True)
sys.stdin.readline()
fcntl.ioctl(directory, 0x8004587d, struct.pack('I', 2))
";

/// A mounted ext4.
pub(crate) struct Disk {
    files: TempDir,
    mounted: bool,
}

impl Disk {
    /// Makes and mounts one of `mebibytes`; says why where that cannot be done here.
    pub(crate) fn new(mebibytes: u64) -> Result<Self, String> {
        let files = tempfile::tempdir().unwrap();
        fs::create_dir(files.path().join("mount")).unwrap();
        let mut disk = Self { files, mounted: false };
        File::create(disk.image()).unwrap().set_len(mebibytes << 20).unwrap();
        run(Command::new("mkfs.ext4").arg("-qF").arg(disk.image()))?;
        disk.mount()?;
        Ok(disk)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.files.path().join("mount")
    }

    /// The data directory on it.
    pub(crate) fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    fn image(&self) -> PathBuf {
        self.files.path().join("image")
    }

    fn mount(&mut self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.root()))?;
        self.mounted = true;
        Ok(())
    }

    /// What a machine does between the power cut and the next start.
    pub(crate) fn remount(&mut self) {
        self.unmount().unwrap();
        self.mount().unwrap();
    }

    fn unmount(&mut self) -> Result<(), String> {
        run(Command::new("umount").arg(self.root()))?;
        self.mounted = false;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            drop(self.unmount());
        }
    }
}

/// Something that will cut a file system's power, at once when it is told to.
pub(crate) struct Cutter(Child);

impl Cutter {
    pub(crate) fn new(root: &Path) -> Self {
        let mut child =
            Command::new("python3").args(["-c", CUT]).arg(root).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        Self(child)
    }

    /// Returns when the power is off.
    pub(crate) fn cut(mut self) {
        self.0.stdin.take().unwrap().write_all(b"now\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// The disk, or `None` and a printed reason.
pub(crate) fn disk_or_skip(mebibytes: u64) -> Option<Disk> {
    Disk::new(mebibytes).inspect_err(|reason| println!("SKIPPED: no loop device can be mounted here ({reason})")).ok()
}
