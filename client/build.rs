//! Compiles `proto/` to messages and clients, with nothing but Rust: protox stands in for `protoc`. `proto` here is a link to
//! the one of the repository; in a package it is the files themselves.
//!
//! Writes to `OUT_DIR`: `countersign.v1.rs` (messages and clients), `countersign_opaque.rs` (the `Debug` of the messages that
//! carry a secret) and `countersign_descriptor.bin` (for the tests).

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Messages with a field that is secret. Their `Debug` prints the name only, and so does that of whatever contains them.
/// `pb` tests that no field with a telling name is missing here.
const OPAQUE: [&str; 22] = [
    "AccountServiceCreatePersonalKeyResponse",
    "AdminServiceCreatePersonalKeyResponse",
    "ChangePasswordRequest",
    "ConfirmTotpRequest",
    "ConfirmTotpResponse",
    "CreateIdentityProviderRequest",
    "UpdateIdentityProviderRequest",
    "CreateUserRequest",
    "DisableTotpRequest",
    "EnrollTotpResponse",
    "GenerateSingleUseResponse",
    "LoginRequest",
    "PeekSingleUseRequest",
    "PkeyJwtRequest",
    "RedeemSingleUseRequest",
    "RefreshRequest",
    "ResetPasswordRequest",
    "RotatePersonalKeyResponse",
    "SsoJwtRequest",
    "SsoStartResponse",
    "TokenSet",
    "VerifyTokenRequest",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files()?)?;
    fs::write(out.join("countersign_descriptor.bin"), compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .build_server(false)
        .skip_debug(OPAQUE.map(|name| format!(".countersign.v1.{name}")))
        .compile_fds(compiler.file_descriptor_set())?;

    let mut opaque = String::from("opaque! {\n");
    for name in OPAQUE {
        writeln!(opaque, "    {name},")?;
    }
    opaque.push_str("}\n");
    fs::write(out.join("countersign_opaque.rs"), opaque)?;
    Ok(())
}

/// Every file of the contract, in the order of their names.
fn files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir("proto/countersign/v1")?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.iter().map(|entry| Path::new("countersign/v1").join(entry.file_name())).collect();
    files.sort();
    Ok(files)
}
