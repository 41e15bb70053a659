//! The messages and clients that are generated from `proto/countersign/v1`, each with the comments it has there. Owns nothing
//! else; it keeps one invariant: a message that carries a secret has an opaque `Debug`.

#![expect(clippy::pedantic, reason = "generated")]

tonic::include_proto!("countersign.v1");

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
