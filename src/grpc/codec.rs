//! The codec of our services: prost's, except that bytes which are no message are the caller's fault and not ours.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder};
use tonic_prost::ProstEncoder;

use super::status::status;
use crate::edge::Refusal;
use crate::service::Reason;

/// The first capacity of a message's buffer, in bytes; it grows. Nearly every message fits, and glibc hands blocks of up to
/// 1,032 bytes out of a cache of each thread's own, where tonic's 8 KiB are looked for in its heap.
const BUFFER_CAPACITY: usize = 1024;

/// After so many bytes a stream hands on what it has: tonic's own default.
const YIELD_THRESHOLD: usize = 32 * 1024;

/// Encodes `T` and decodes `U` with prost.
///
/// # Errors
/// Bytes that do not decode are `INVALID_ARGUMENT`, `MALFORMED_MESSAGE` (tonic's own codec says INTERNAL). What was wrong with them is
/// not repeated to the caller.
#[derive(Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = MessageDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(BUFFER_CAPACITY, YIELD_THRESHOLD))
    }

    fn decoder(&mut self) -> Self::Decoder {
        MessageDecoder(PhantomData)
    }
}

/// Decodes `U` with prost; see [`Codec`].
#[derive(Debug)]
pub struct MessageDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for MessageDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Self::Error> {
        U::decode(buf).map(Some).map_err(|_| malformed())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_CAPACITY, YIELD_THRESHOLD)
    }
}

fn malformed() -> Status {
    status(&Refusal::new(Reason::MalformedMessage, "the request is not a valid message of this call"))
}

#[cfg(test)]
mod tests;
