//! Reads header blocks (RFC 7541). The crate that is there for it panics on a block that is cut short, and makes four
//! allocations of every field; the Huffman code is a crate's.

use std::collections::VecDeque;

use httlib_huffman::{DecoderSpeed, decode};

/// The most that the other side may keep, as nobody told it otherwise.
const TABLE: usize = 4096;

/// What a header block of an answer says about the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) http_status: Option<String>,
    pub(crate) grpc_status: Option<String>,
    pub(crate) grpc_message: Option<String>,
}

/// Reads header blocks in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct FieldReader {
    /// Names and values that the other side keeps, the last one first.
    table: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// Their size by the RFC's count.
    size: usize,
    limit: Option<usize>,
    /// Blocks that only name indices, and what they say while the table stays as it is: nearly every block is one of two.
    known: Vec<(Vec<u8>, Fields)>,
}

impl FieldReader {
    /// The fields of a block; `None` where it is not one.
    pub(crate) fn read(&mut self, block: &[u8]) -> Option<Fields> {
        if let Some((_, fields)) = self.known.iter().find(|(known, _)| known == block) {
            return Some(fields.clone());
        }
        let mut fields = Fields::default();
        for (name, value) in self.fields(block)? {
            let text = || Some(String::from_utf8_lossy(&value).into_owned());
            match name.as_slice() {
                b":status" => fields.http_status = text(),
                b"grpc-status" => fields.grpc_status = text(),
                b"grpc-message" => fields.grpc_message = Some(percent_decoded(&value)),
                _ => {}
            }
        }
        // Indices below 127 take one byte with the high bit set, and change nothing.
        if block.iter().all(|byte| (0x80..0xff).contains(byte)) {
            self.known.push((block.to_vec(), fields.clone()));
        } else {
            self.known.clear();
        }
        Some(fields)
    }

    /// Names and values of a block.
    pub(crate) fn fields(&mut self, block: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut fields = Vec::new();
        let mut rest = block;
        while let Some(first) = rest.first() {
            if first & 0xe0 == 0x20 {
                let limit = integer(&mut rest, 5)?;
                self.limit = Some(limit.min(TABLE));
                self.shrink();
            } else {
                fields.push(self.field(&mut rest)?);
            }
        }
        Some(fields)
    }

    /// Reads one field, whichever way it is written.
    fn field(&mut self, rest: &mut &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let first = *rest.first()?;
        if first & 0x80 != 0 {
            let index = integer(rest, 7)?;
            return self.known_field(index);
        }
        let keep = first & 0x40 != 0;
        let name = match integer(rest, if keep { 6 } else { 4 })? {
            0 => string(rest)?,
            index => self.known_field(index)?.0,
        };
        let value = string(rest)?;
        if keep {
            self.size += name.len() + value.len() + 32;
            self.table.push_front((name.clone(), value.clone()));
            self.shrink();
        }
        Some((name, value))
    }

    fn known_field(&self, index: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        match STATIC.get(index.checked_sub(1)?) {
            Some((name, value)) => Some((name.as_bytes().to_vec(), value.as_bytes().to_vec())),
            None => self.table.get(index - 1 - STATIC.len()).cloned(),
        }
    }

    fn shrink(&mut self) {
        while self.size > self.limit.unwrap_or(TABLE) {
            let Some((name, value)) = self.table.pop_back() else { return };
            self.size -= name.len() + value.len() + 32;
        }
    }
}

/// A message as gRPC sends it: bytes outside printable ASCII as `%` and two hexadecimal digits.
fn percent_decoded(value: &[u8]) -> String {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, tail)) = rest.split_first() {
        let coded = tail.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = coded.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        plain.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// An integer with a prefix of `bits` bits (RFC 7541, 5.1).
fn integer(rest: &mut &[u8], bits: u32) -> Option<usize> {
    let mask = (1_usize << bits) - 1;
    let (first, mut tail) = rest.split_first()?;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (byte, next) = tail.split_first()?;
            tail = next;
            value += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return None;
            }
        }
    }
    *rest = tail;
    Some(value)
}

/// A string, coded or not (RFC 7541, 5.2).
fn string(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let coded = rest.first()? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (text, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    if !coded {
        return Some(text.to_vec());
    }
    let mut plain = Vec::with_capacity(2 * length);
    decode(text, &mut plain, DecoderSpeed::FourBits).ok()?;
    Some(plain)
}

/// RFC 7541, appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coded_fields_are_read_and_kept() {
        // RFC 7541, C.6.1 and C.6.2, the first two fields of each block: a status, 302 and then 307.
        let mut reader = FieldReader::default();
        let first = reader.read(b"\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b").unwrap();
        assert_eq!(first.http_status.as_deref(), Some("302"));
        assert_eq!(reader.table[0], (b"cache-control".to_vec(), b"private".to_vec()));
        assert_eq!(reader.read(b"\x48\x83\x64\x0e\xff\xbf").unwrap().http_status.as_deref(), Some("307"));
        assert_eq!(reader.read(b"\x88").unwrap().http_status.as_deref(), Some("200"));
    }

    #[test]
    fn indexed_blocks_are_remembered_until_the_table_changes() {
        let mut reader = FieldReader::default();
        assert_eq!(reader.read(b"\x40\x0bgrpc-status\x010").unwrap().grpc_status.as_deref(), Some("0"));
        assert_eq!(reader.read(&[0xbe]).unwrap().grpc_status.as_deref(), Some("0"));
        assert_eq!(reader.read(&[0xbe]).unwrap().grpc_status.as_deref(), Some("0"));
        assert_eq!(reader.read(b"\x40\x0bgrpc-status\x0216").unwrap().grpc_status.as_deref(), Some("16"));
        assert_eq!(reader.read(&[0xbe]).unwrap().grpc_status.as_deref(), Some("16"));
        assert_eq!(reader.read(&[0xbf]).unwrap().grpc_status.as_deref(), Some("0"));
    }

    #[test]
    fn messages_are_read_as_they_were_meant() {
        assert_eq!(percent_decoded(b"the%20service is 100% busy%2C %zz%"), "the service is 100% busy, %zz%");
    }

    #[test]
    fn the_oldest_fields_go_where_there_is_no_room() {
        let mut reader = FieldReader::default();
        for second in 0..100 {
            let date = format!("\x61\x1dSun, 22 Nov 2026 14:00:{second:02} GMT.");
            reader.read(&date.as_bytes()[..31]).unwrap();
        }
        assert_eq!(reader.table.len(), TABLE / (4 + 29 + 32));
        assert!(reader.read(b"\x20").is_some() && reader.table.is_empty());
    }

    #[test]
    fn what_is_cut_short_or_points_nowhere_is_no_block() {
        for block in [&[0xff][..], &[0x80], &[0xbe], &[0x40], &[0x40, 0x05, b'a'], &[0x40, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]] {
            assert_eq!(FieldReader::default().read(block), None, "{block:?}");
        }
    }
}
