//! Frames and header blocks of HTTP/2 (RFC 9113, RFC 7541): only what a client that repeats one call needs.
//!
//! The header block of a call is encoded once for each connection. The first request teaches the server's table its fields,
//! every later one names them by their index, as any client does that sends the same fields again.

/// What a client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The length of a frame's header.
pub(crate) const FRAME_HEADER: usize = 9;
/// The longest frame that anyone may send unasked.
pub(crate) const MAX_FRAME: usize = 16_384;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// On DATA and HEADERS: the last frame of its direction.
pub(crate) const END_STREAM: u8 = 0x1;
/// On SETTINGS and PING: an acknowledgement.
pub(crate) const ACK: u8 = 0x1;
/// On HEADERS and CONTINUATION: the block is whole.
pub(crate) const END_HEADERS: u8 = 0x4;
pub(crate) const PADDED: u8 = 0x8;
pub(crate) const PRIORITY: u8 = 0x20;

/// A frame as it was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: &'a [u8],
}

/// What stands at the beginning of `bytes`.
pub(crate) enum Split<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// The beginning of one.
    Partial,
    /// Nothing that a server may send unasked.
    Oversized,
}

/// Reads the frame at the beginning of `bytes`.
pub(crate) fn split(bytes: &[u8]) -> Split<'_> {
    let Some(([l0, l1, l2, kind, flags, s0, s1, s2, s3], rest)) = bytes.split_first_chunk::<FRAME_HEADER>() else {
        return Split::Partial;
    };
    let length = usize::from(*l0) << 16 | usize::from(*l1) << 8 | usize::from(*l2);
    if length > MAX_FRAME {
        return Split::Oversized;
    }
    let stream = u32::from_be_bytes([s0 & 0x7f, *s1, *s2, *s3]);
    match rest.get(..length) {
        Some(payload) => Split::Frame(Frame { kind: *kind, flags: *flags, stream, payload }),
        None => Split::Partial,
    }
}

impl<'a> Frame<'a> {
    /// The payload without its padding, and without the priority fields of HEADERS; `None` where they do not fit.
    pub(crate) fn content(&self) -> Option<&'a [u8]> {
        let mut content = self.payload;
        if self.flags & PADDED != 0 {
            let (padding, rest) = content.split_first()?;
            content = rest.get(..rest.len().checked_sub(usize::from(*padding))?)?;
        }
        if self.kind == HEADERS && self.flags & PRIORITY != 0 {
            content = content.get(5..)?;
        }
        Some(content)
    }

    /// The payload as one number, as WINDOW_UPDATE and RST_STREAM have it.
    pub(crate) fn number(&self) -> Option<u32> {
        self.payload.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// Appends a frame. `payload` is at most [`MAX_FRAME`] long.
pub(crate) fn put(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    put_header(out, kind, flags, stream, payload.len());
    out.extend_from_slice(payload);
}

fn put_header(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(length.get(1..).unwrap_or_default());
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// Appends the DATA frame of one gRPC message, uncompressed, and ends the request with it.
pub(crate) fn put_message(out: &mut Vec<u8>, stream: u32, message: &[u8]) {
    put_header(out, DATA, END_STREAM, stream, message.len() + 5);
    out.push(0);
    out.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(message);
}

/// The header block of one call on one connection.
pub(crate) struct RequestHead {
    literal: Vec<u8>,
    taught: bool,
}

impl RequestHead {
    /// The block for calls of `path` on a server that is called `authority`.
    pub(crate) fn new(path: &str, authority: &str) -> Self {
        // :method POST, :scheme http; then path, authority, content-type, te and user-agent, each to be kept (RFC 7541, 6.2.1).
        let mut literal = vec![0x83, 0x86, 0x44];
        put_string(&mut literal, path);
        literal.push(0x41);
        put_string(&mut literal, authority);
        literal.push(0x5f);
        put_string(&mut literal, "application/grpc");
        literal.push(0x40);
        put_string(&mut literal, "te");
        put_string(&mut literal, "trailers");
        literal.push(0x7a);
        put_string(&mut literal, "countersign-bench");
        Self { literal, taught: false }
    }

    /// Appends the HEADERS frame of a request.
    pub(crate) fn put(&mut self, out: &mut Vec<u8>, stream: u32, authorization: &str) {
        // The five fields above by their places in the table, the last one kept first.
        const KNOWN: &[u8] = &[0x83, 0x86, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe];
        let at = out.len();
        put_header(out, HEADERS, END_HEADERS, stream, 0);
        let begin = out.len();
        out.extend_from_slice(if self.taught { KNOWN } else { &self.literal });
        self.taught = true;
        if !authorization.is_empty() {
            // `authorization`, never to be kept (RFC 7541, 6.2.3).
            out.extend_from_slice(&[0x1f, 0x08]);
            put_string(out, authorization);
        }
        let length = u32::try_from(out.len() - begin).unwrap_or(u32::MAX).to_be_bytes();
        if let (Some(place), Some(length)) = (out.get_mut(at..at + 3), length.get(1..)) {
            place.copy_from_slice(length);
        }
    }
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// A length with a prefix of seven bits (RFC 7541, 5.1); the bit before it says that no Huffman code is used.
fn put_length(out: &mut Vec<u8>, mut length: usize) {
    let byte = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
    if length < 0x7f {
        out.push(byte(length));
        return;
    }
    out.push(0x7f);
    length -= 0x7f;
    while length >= 0x80 {
        out.push(byte(length & 0x7f) | 0x80);
        length >>= 7;
    }
    out.push(byte(length));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hpack::FieldReader;

    #[test]
    fn frames_come_back_as_they_were_put() {
        let mut out = Vec::new();
        put(&mut out, PING, ACK, 0, b"12345678");
        put_message(&mut out, 7, b"abc");
        let Split::Frame(ping) = split(&out) else { panic!("no frame") };
        assert_eq!((ping.kind, ping.flags, ping.stream, ping.payload), (PING, ACK, 0, &b"12345678"[..]));
        let rest = &out[FRAME_HEADER + 8..];
        let Split::Frame(data) = split(rest) else { panic!("no frame") };
        assert_eq!((data.kind, data.stream, data.content()), (DATA, 7, Some(&b"\0\0\0\0\x03abc"[..])));
        assert!(matches!(split(&rest[..rest.len() - 1]), Split::Partial));
        assert!(matches!(split(b"HTTP/1.1 400 Bad Request"), Split::Oversized));
    }

    #[test]
    fn padding_that_does_not_fit_is_no_content() {
        let frame = |payload: &'static [u8]| Frame { kind: DATA, flags: PADDED, stream: 1, payload };
        assert_eq!(frame(b"\x02abcc").content(), Some(&b"ab"[..]));
        assert_eq!(frame(b"\x05abcc").content(), None);
        assert_eq!(frame(b"").content(), None);
    }

    #[test]
    fn the_second_head_says_what_the_first_one_taught() {
        let mut head = RequestHead::new("/countersign.v1.TokenService/VerifyToken", "127.0.0.1:50051");
        let long = format!("Bearer {}", "x".repeat(700));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        head.put(&mut first, 1, &long);
        head.put(&mut second, 3, &long);
        assert!(second.len() < first.len());
        let mut reader = FieldReader::default();
        let decoded = [first, second].map(|bytes| {
            let Split::Frame(frame) = split(&bytes) else { panic!("no frame") };
            reader.fields(frame.payload).unwrap()
        });
        assert_eq!(decoded[0], decoded[1]);
        let has = |name: &[u8], value: &[u8]| decoded[0].iter().any(|field| field.0 == name && field.1 == value);
        assert!(has(b":path", b"/countersign.v1.TokenService/VerifyToken"));
        assert!(has(b"te", b"trailers"));
        assert!(has(b"authorization", long.as_bytes()));
    }
}
