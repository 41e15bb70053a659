//! (being written)

pub mod codec;
pub mod convert;
pub mod layers;
pub mod metadata;
pub mod pb;
pub mod status;
