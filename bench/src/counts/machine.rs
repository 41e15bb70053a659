//! What a count depends on besides our code: the compilers, and what glibc, aws-lc and sha2 choose code by.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::said;
use crate::error::{Result, Trying as _};

/// The machine as a counted program finds it. Valgrind shows its own processor, so the features are those that a program sees there.
pub(super) fn here(root: &Path) -> Result<BTreeMap<String, String>> {
    let own = std::env::current_exe().trying("find this program")?;
    let first = |program: &str, word: &str| {
        let said = said(Command::new(program).arg(word).current_dir(root))?;
        Ok(said.lines().next().unwrap_or_default().to_owned())
    };
    Ok(BTreeMap::from([
        ("toolchain".to_owned(), first("rustc", "--version")?),
        ("compiler".to_owned(), first("cc", "--version")?),
        ("libc".to_owned(), first("ldd", "--version")?),
        ("valgrind".to_owned(), first("valgrind", "--version")?),
        ("features".to_owned(), said(Command::new("valgrind").args(["-q", "--tool=none"]).arg(own).arg("features"))?),
    ]))
}

/// The processor's features that this process sees, in a line.
#[cfg(target_arch = "x86_64")]
pub(crate) fn features() -> String {
    use std::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};

    type Register = fn(&CpuidResult) -> u32;
    let basic: [(Register, u32, &str); 14] = [
        (|leaf| leaf.ecx, 1, "pclmulqdq"),
        (|leaf| leaf.ecx, 9, "ssse3"),
        (|leaf| leaf.ecx, 12, "fma"),
        (|leaf| leaf.ecx, 19, "sse4.1"),
        (|leaf| leaf.ecx, 20, "sse4.2"),
        (|leaf| leaf.ecx, 22, "movbe"),
        (|leaf| leaf.ecx, 23, "popcnt"),
        (|leaf| leaf.ecx, 25, "aes"),
        (|leaf| leaf.ecx, 26, "xsave"),
        (|leaf| leaf.ecx, 27, "osxsave"),
        (|leaf| leaf.ecx, 28, "avx"),
        (|leaf| leaf.ecx, 29, "f16c"),
        (|leaf| leaf.ecx, 30, "rdrand"),
        (|leaf| leaf.edx, 26, "sse2"),
    ];
    let extended: [(Register, u32, &str); 16] = [
        (|leaf| leaf.ebx, 3, "bmi1"),
        (|leaf| leaf.ebx, 5, "avx2"),
        (|leaf| leaf.ebx, 8, "bmi2"),
        (|leaf| leaf.ebx, 9, "erms"),
        (|leaf| leaf.ebx, 11, "rtm"),
        (|leaf| leaf.ebx, 16, "avx512f"),
        (|leaf| leaf.ebx, 17, "avx512dq"),
        (|leaf| leaf.ebx, 18, "rdseed"),
        (|leaf| leaf.ebx, 19, "adx"),
        (|leaf| leaf.ebx, 21, "avx512ifma"),
        (|leaf| leaf.ebx, 29, "sha"),
        (|leaf| leaf.ebx, 30, "avx512bw"),
        (|leaf| leaf.ebx, 31, "avx512vl"),
        (|leaf| leaf.ecx, 9, "vaes"),
        (|leaf| leaf.ecx, 10, "vpclmulqdq"),
        (|leaf| leaf.edx, 4, "fsrm"),
    ];
    let highest = __cpuid(0);
    let vendor = [highest.ebx, highest.edx, highest.ecx].map(u32::to_le_bytes).concat();
    let mut words = vec![String::from_utf8_lossy(&vendor).into_owned()];
    let leaves = [(__cpuid(1), &basic[..]), (__cpuid_count(7, 0), &extended[..])];
    for (leaf, bits) in leaves.into_iter().take(if highest.eax < 7 { 1 } else { 2 }) {
        words.extend(bits.iter().filter(|(of, bit, _)| of(&leaf) >> bit & 1 == 1).map(|(_, _, name)| (*name).to_owned()));
    }
    words.join(" ")
}

/// The processor's features, where they are not known by name: its architecture.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn features() -> String {
    std::env::consts::ARCH.to_owned()
}
