//! Compiles `proto/` to Rust and to a descriptor set, with nothing but Rust: protox stands in for `protoc`.
//!
//! Writes to `OUT_DIR`: `countersign.v1.rs` (messages, servers, clients), `countersign_descriptor.bin` (every file, its imports and
//! comments; for reflection) and `countersign_opaque.rs` (the `Debug` of the messages that carry a secret). And, of what rests on
//! disk, `countersign.store.rs` (messages without `Debug`: most of them hold what is nobody's business).

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

const FILES: [&str; 5] = [
    "countersign/v1/account.proto",
    "countersign/v1/admin.proto",
    "countersign/v1/auth.proto",
    "countersign/v1/error.proto",
    "countersign/v1/token.proto",
];

/// Where the store's own messages lie. They are no part of the contract, so that they are not in `proto/`.
const RECORDS: &str = "src/store/kv/record";

/// Messages with a field that is secret. Their `Debug` prints the name only, and so does that of whatever contains them.
/// `grpc::pb` tests that no field with a telling name is missing here.
const OPAQUE: [&str; 21] = [
    "AccountServiceCreatePersonalKeyResponse",
    "AdminServiceCreatePersonalKeyResponse",
    "ChangePasswordRequest",
    "ConfirmTotpRequest",
    "ConfirmTotpResponse",
    "CreateIdentityProviderRequest",
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
    println!("cargo:rerun-if-changed={RECORDS}/record.proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    fs::write(out.join("countersign_descriptor.bin"), compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .codec_path("crate::grpc::codec::Codec")
        .skip_debug(OPAQUE.map(|name| format!(".countersign.v1.{name}")))
        .compile_fds(compiler.file_descriptor_set())?;

    let mut records = protox::Compiler::new([RECORDS])?;
    records.include_source_info(true).open_files(["record.proto"])?;
    tonic_prost_build::configure().skip_debug(["."]).compile_fds(records.file_descriptor_set())?;

    let mut opaque = String::from("opaque! {\n");
    for name in OPAQUE {
        writeln!(opaque, "    {name},")?;
    }
    opaque.push_str("}\n");
    fs::write(out.join("countersign_opaque.rs"), opaque)?;
    Ok(())
}
