//! The engine's own two records: whose a database is, and where it stands.

use super::FORMAT;
use super::tip::{Tally, Tip};
use crate::model::ids::StoreId;
use crate::store::kv::record::messages;
use crate::store::kv::record::{Read, Unreadable, exactly, frame, unframe};

/// The kinds of their values. Numbers are never given twice, here or in the verbs' keys.
const IDENTITY: u8 = 0x00;
const TIP: u8 = 0x01;

/// The first record of a database of the store `id`, never changed.
pub(super) fn identity(id: StoreId) -> Vec<u8> {
    written(frame(IDENTITY, &messages::StoreIdentity { format: FORMAT, store: id.as_bytes().to_vec() }))
}

/// The format that a first record names, and the store.
pub(super) fn read_identity(value: &[u8]) -> Read<(u32, StoreId)> {
    let row: messages::StoreIdentity = unframe(IDENTITY, value)?;
    Ok((row.format, StoreId::from_bytes(exactly(&row.store, "store")?)))
}

/// The record of where a database stands.
pub(super) fn tip(tip: &Tip) -> Vec<u8> {
    let Tally { few, many } = tip.tally;
    let head = Some((&tip.head).into());
    written(frame(TIP, &messages::Tip { commits: tip.commits, tally_few: few, tally_many: many, head }))
}

pub(super) fn read_tip(value: &[u8]) -> Read<Tip> {
    let row: messages::Tip = unframe(TIP, value)?;
    let head = row.head.ok_or_else(|| Unreadable("head is missing".to_owned()))?;
    let tally = Tally { few: row.tally_few, many: row.tally_many };
    Ok(Tip { commits: row.commits, tally, head: head.try_into()? })
}

/// Plain values of fixed shape: there is nothing that could be refused.
fn written(value: Read<Vec<u8>>) -> Vec<u8> {
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::Timestamp;
    use crate::store::kv::head::Head;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn both_records_are_what_they_always_were() {
        let first = identity(StoreId::from_bytes([7; 16]));
        assert_eq!(hex(&first), format!("0200080312{}{}", "10", "07".repeat(16)));
        assert_eq!(read_identity(&first), Ok((FORMAT, StoreId::from_bytes([7; 16]))));

        let head = Head { revision: 3, last_commit: Timestamp::from_micros(300), audit_sequence: 5, audit_hash: [9; 32] };
        let stands = Tip { commits: 1, tally: Tally { few: 2, many: 0x0102 }, head };
        let last = tip(&stands);
        let head = format!("22{}080310ac0218052220{}", "29", "09".repeat(32));
        assert_eq!(hex(&last), ["0201", "0801", "110200000000000000", "190201000000000000", &head].concat());
        assert_eq!(read_tip(&last), Ok(stands));
    }

    #[test]
    fn neither_is_read_as_the_other_or_with_something_unknown() {
        let first = identity(StoreId::from_bytes([7; 16]));
        assert_eq!(read_tip(&first), Err(Unreadable("is of kind 0x00".to_owned())));
        let unknown = [first.as_slice(), &[0x18, 1]].concat();
        assert_eq!(read_identity(&unknown), Err(Unreadable("holds something that this version does not know".to_owned())));
    }
}
