//! Compiles what the server alone needs of `proto/`: the traits of its services over the messages of `countersign-client`, and
//! the descriptor set. With nothing but Rust: protox stands in for `protoc`.
//!
//! Writes to `OUT_DIR`: `countersign.v1.rs` (servers), `countersign_descriptor.bin` (every file, its imports and comments; for
//! reflection) and, of what rests on disk, `countersign.store.rs` (messages without `Debug`: most of them hold what is
//! nobody's business). Sets `COUNTERSIGN_BUILD_TIME`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the store's own messages lie. They are no part of the contract, so that they are not in `proto/`.
const RECORDS: &str = "src/store/kv/record";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo:rustc-env=COUNTERSIGN_BUILD_TIME={}", build_time()?);
    println!("cargo:rerun-if-changed={RECORDS}/record.proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files()?)?;
    fs::write(out.join("countersign_descriptor.bin"), compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .build_client(false)
        .codec_path("crate::grpc::codec::Codec")
        .extern_path(".countersign.v1", "::countersign_client::pb")
        .compile_fds(compiler.file_descriptor_set())?;

    let mut records = protox::Compiler::new([RECORDS])?;
    records.include_source_info(true).open_files(["record.proto"])?;
    tonic_prost_build::configure().skip_debug(["."]).compile_fds(records.file_descriptor_set())?;
    Ok(())
}

/// When this is built, in seconds since 1970: no clock is right that shows an earlier time. A build that must come out the same each
/// time gives it as `SOURCE_DATE_EPOCH` (reproducible-builds.org).
fn build_time() -> Result<u64, Box<dyn Error>> {
    if let Some(given) = env::var_os("SOURCE_DATE_EPOCH") {
        return Ok(given.to_str().ok_or("SOURCE_DATE_EPOCH is no text")?.trim().parse()?);
    }
    #[expect(clippy::disallowed_methods, reason = "the time of the build is the machine's")]
    let now = std::time::SystemTime::now();
    Ok(now.duration_since(std::time::UNIX_EPOCH)?.as_secs())
}

/// Every file of the contract, in the order of their names.
fn files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir("proto/countersign/v1")?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.iter().map(|entry| Path::new("countersign/v1").join(entry.file_name())).collect();
    files.sort();
    Ok(files)
}
