//! (being written)

pub mod codec;
pub mod pb;
