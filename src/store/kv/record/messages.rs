//! The generated messages of `record.proto`.

#![expect(clippy::all, clippy::pedantic, reason = "generated")]
#![expect(unreachable_pub, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/countersign.store.rs"));
