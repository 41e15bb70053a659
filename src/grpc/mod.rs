//! (being written)

pub mod codec;
pub mod layers;
pub mod pb;
