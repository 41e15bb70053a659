//! The messages of `proto/countersign/v1`, which are the client's, and the servers that are generated over them, with their
//! descriptor set. Owns nothing else: what a message means is said in the proto files, and these types stay in `grpc`, `cli`
//! and `app`.

#![expect(clippy::pedantic, reason = "generated")]

pub use countersign_client::pb::*;

tonic::include_proto!("countersign.v1");

/// The `FileDescriptorSet` of our proto files with their imports and comments, for reflection.
pub const DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("countersign_descriptor");

#[cfg(test)]
mod tests;
