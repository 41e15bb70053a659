//! Reading the fields of a message: what is required and missing, or not of its form, is said by name.

use std::net::IpAddr;

use crate::model::clock::Timestamp;
use crate::model::decision::Impossible;
use crate::model::name::{Email, Folded, Name};

/// Why a value cannot be read: what follows its kind and a colon in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

pub(crate) type Read<T> = Result<T, Unreadable>;

/// What was made of its parts: each of them is of its form, and they have to agree.
pub(super) fn possible<V>(made: Result<V, Impossible>) -> Read<V> {
    made.map_err(|impossible| Unreadable(impossible.why().to_owned()))
}

pub(super) fn missing(field: &str) -> Unreadable {
    Unreadable(format!("{field} is missing"))
}

pub(super) fn unknown(field: &str, number: i32) -> Unreadable {
    Unreadable(format!("{field} is {number}, which this version does not know"))
}

/// Bytes of a fixed length: an id, a hash.
pub(crate) fn exactly<const N: usize>(bytes: &[u8], field: &str) -> Read<[u8; N]> {
    match bytes.try_into() {
        Ok(bytes) => Ok(bytes),
        Err(_) if bytes.is_empty() => Err(missing(field)),
        Err(_) => Err(Unreadable(format!("{field} is {} bytes long", bytes.len()))),
    }
}

/// A time that must be there.
pub(super) fn time(micros: Option<u64>, field: &str) -> Read<Timestamp> {
    micros.map(Timestamp::from_micros).ok_or_else(|| missing(field))
}

/// A number that must not be larger than its type.
pub(super) fn narrow<Narrow: TryFrom<u32>>(number: u32, field: &str) -> Read<Narrow> {
    number.try_into().map_err(|_| Unreadable(format!("{field} is {number}")))
}

pub(super) fn name(text: &str, field: &str) -> Read<Name> {
    Name::parse(text).map_err(|_| Unreadable(format!("{field} is no name")))
}

pub(super) fn email(text: &str, field: &str) -> Read<Email> {
    Email::parse(text).map_err(|_| Unreadable(format!("{field} is no e-mail address")))
}

pub(super) fn folded(text: &str, field: &str) -> Read<Folded> {
    let folded = Folded::presented(text);
    if folded.as_str() == text { Ok(folded) } else { Err(Unreadable(format!("{field} is not folded"))) }
}

pub(super) fn address(address: Option<IpAddr>) -> Option<Vec<u8>> {
    address.map(|address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    })
}

pub(super) fn read_address(bytes: Option<&[u8]>, field: &str) -> Read<Option<IpAddr>> {
    let Some(bytes) = bytes else { return Ok(None) };
    match <[u8; 4]>::try_from(bytes) {
        Ok(address) => Ok(Some(address.into())),
        Err(_) => Ok(Some(exactly::<16>(bytes, field)?.into())),
    }
}

/// A value of the model that is a number of an enum on disk.
pub(super) trait Coded: Sized {
    /// Its number, never 0.
    fn code(self) -> i32;

    /// What has the number.
    fn coded(code: i32, field: &str) -> Read<Self>;
}

/// [`Coded`] for an enum of the model: each of its values, and the one on disk.
macro_rules! coded {
    ($($model:ty, $message:ty { $($value:path => $on_disk:path),* $(,)? })*) => {$(
        impl $crate::store::kv::record::field::Coded for $model {
            fn code(self) -> i32 {
                match self {
                    $($value => $on_disk.into()),*
                }
            }

            fn coded(code: i32, field: &str) -> $crate::store::kv::record::field::Read<Self> {
                match <$message>::try_from(code) {
                    $(Ok($on_disk) => Ok($value),)*
                    Ok(_) => Err($crate::store::kv::record::field::missing(field)),
                    Err(_) => Err($crate::store::kv::record::field::unknown(field, code)),
                }
            }
        }
    )*};
}
pub(super) use coded;
