//! Compiles `proto/` to messages and clients, with nothing but Rust: protox stands in for `protoc`. `proto` here is a link to
//! the one of the repository; in a package it is the files themselves.
//!
//! Writes to `OUT_DIR`: `countersign.v1.rs` (messages and clients), `countersign_opaque.rs` (the `Debug` of the messages that
//! carry a secret) and `countersign_descriptor.bin` (for the tests).

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use protox::prost_reflect::{DescriptorPool, FieldDescriptor};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files()?)?;
    fs::write(out.join("countersign_descriptor.bin"), compiler.encode_file_descriptor_set())?;

    let opaque = opaque(&compiler.descriptor_pool());
    tonic_prost_build::configure()
        .build_server(false)
        .skip_debug(opaque.iter().map(|name| format!(".countersign.v1.{name}")))
        .compile_fds(compiler.file_descriptor_set())?;

    let mut source = String::from("opaque! {\n");
    for name in &opaque {
        writeln!(source, "    {name},")?;
    }
    source.push_str("}\n");
    fs::write(out.join("countersign_opaque.rs"), source)?;
    Ok(())
}

/// The messages with a field that is marked `debug_redact`. Their `Debug` prints the name only, and so does that of whatever
/// contains them. `pb` tests that every field with a telling name is marked.
fn opaque(pool: &DescriptorPool) -> Vec<String> {
    let redacted = |field: FieldDescriptor| {
        field.options().get_field_by_name("debug_redact").is_some_and(|value| value.as_bool() == Some(true))
    };
    let ours = pool.all_messages().filter(|message| message.package_name() == "countersign.v1");
    ours.filter(|message| message.fields().any(redacted)).map(|message| message.name().to_owned()).collect()
}

/// Every file of the contract, in the order of their names.
fn files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir("proto/countersign/v1")?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.iter().map(|entry| Path::new("countersign/v1").join(entry.file_name())).collect();
    files.sort();
    Ok(files)
}
