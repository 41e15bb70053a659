//! The generated messages, servers and clients of `proto/countersign/v1`, and their descriptor set. Owns nothing else: what a
//! message means is said in the proto files, and these types stay in `grpc`, `cli` and `app`.

#![expect(clippy::pedantic, reason = "generated")]

tonic::include_proto!("countersign.v1");

/// The `FileDescriptorSet` of our proto files with their imports and comments, for reflection.
pub const DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("countersign_descriptor");

/// An opaque `Debug`, so that no log line holds a secret by accident.
macro_rules! opaque {
    ($($message:ident,)*) => {
        $(impl std::fmt::Debug for $message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($message), "(..)"))
            }
        })*

        /// The messages that carry a secret.
        #[cfg(test)]
        const OPAQUE: &[&str] = &[$(stringify!($message)),*];
    };
}

include!(concat!(env!("OUT_DIR"), "/countersign_opaque.rs"));

#[cfg(test)]
mod tests;
