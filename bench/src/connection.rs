//! One connection that repeats one call: it writes requests, reads answers, and never waits.
//!
//! A client of our own because a general one costs as much as the server it is to load: here a request is a copy of bytes that
//! are known beforehand, and everything that is due goes out in one write.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::error::{BenchError, Result, Trying as _};
use crate::hpack::{FieldReader, Fields};
use crate::wire::{self, Frame, RequestHead, Split};

/// How long a server may take to greet.
const GREETING: Duration = Duration::from_secs(5);
/// What a server may have on its way to us, and when it is told that we have read half of it.
const WINDOW: u32 = 1 << 30;
/// Bytes read at once at the most; more than a frame.
const BUFFER: usize = 128 * 1024;
/// Stream numbers end at 2^31; a connection is given up well before.
const LAST_STREAM: u32 = 1 << 30;

/// An answered call.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// Who called.
    pub(crate) caller: usize,
    /// From when its time counts.
    pub(crate) since: Instant,
    /// The gRPC code; 0 is OK.
    pub(crate) code: u32,
    /// What it says about itself where it is not OK.
    pub(crate) detail: &'a str,
    /// The message.
    pub(crate) message: &'a [u8],
}

struct Call {
    stream: u32,
    caller: usize,
    since: Instant,
    status: Option<String>,
    body: Vec<u8>,
}

/// A connection.
pub(crate) struct Connection {
    address: SocketAddr,
    socket: TcpStream,
    head: RequestHead,
    fields: FieldReader,
    /// Of fixed length; what was read and not yet understood is the beginning of it.
    incoming: Vec<u8>,
    filled: usize,
    outgoing: Vec<u8>,
    calls: Vec<Call>,
    /// Bodies of answered calls, to be used again.
    spare: Vec<Vec<u8>>,
    /// Requests that wait for room in the server's window.
    held: Vec<(u32, Vec<u8>)>,
    next_stream: u32,
    window: i64,
    read_since_update: u32,
    /// A block whose rest is to come, with its stream and whether it ends it.
    block: Option<(u32, bool, Vec<u8>)>,
    leaving: bool,
}

impl Connection {
    /// Connects and waits for the server's greeting.
    ///
    /// # Errors
    /// [`BenchError::Unreachable`]; [`BenchError::NotOurs`] where what answers does not speak HTTP/2.
    pub(crate) fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let socket =
            TcpStream::connect_timeout(&address, GREETING).map_err(|error| BenchError::Unreachable { address, error })?;
        let not_ours = |detail: String| BenchError::NotOurs { address, detail };
        socket.set_nodelay(true).trying("set TCP_NODELAY")?;
        socket.set_read_timeout(Some(GREETING)).trying("set a read timeout")?;
        let mut connection = Self {
            address,
            socket,
            head: RequestHead::new(path, &address.to_string()),
            fields: FieldReader::default(),
            incoming: vec![0; BUFFER],
            filled: 0,
            outgoing: wire::PREFACE.to_vec(),
            calls: Vec::new(),
            spare: Vec::new(),
            held: Vec::new(),
            next_stream: 1,
            window: 65_535,
            read_since_update: 0,
            block: None,
            leaving: false,
        };
        // ENABLE_PUSH 0; everything else as it is by default.
        wire::put(&mut connection.outgoing, wire::SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0]);
        wire::put(&mut connection.outgoing, wire::WINDOW_UPDATE, 0, 0, &(WINDOW - 65_535).to_be_bytes());
        connection.socket.write_all(&connection.outgoing).map_err(|error| not_ours(format!("it hung up: {error}")))?;
        connection.outgoing.clear();
        loop {
            match wire::split(connection.read()) {
                Split::Frame(Frame { kind: wire::SETTINGS, stream: 0, .. }) => break,
                Split::Frame(_) | Split::Oversized => return Err(not_ours("it does not speak HTTP/2".to_owned())),
                Split::Partial => {}
            }
            match connection.read_more() {
                Ok(0) => return Err(not_ours("it hung up instead of greeting".to_owned())),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(not_ours(format!("it said nothing for {} s", GREETING.as_secs())));
                }
                // A signal came in between: whoever it stops asks for that by itself.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(not_ours(format!("it hung up instead of greeting: {error}"))),
            }
        }
        connection.socket.set_nonblocking(true).trying("set a socket to non-blocking")?;
        Ok(connection)
    }

    pub(crate) const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Calls without an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.calls.len()
    }

    /// True where the server has asked to be left, or the stream numbers run out: no more calls on this one.
    pub(crate) const fn leaving(&self) -> bool {
        self.leaving || self.next_stream >= LAST_STREAM
    }

    /// True where something waits to be written.
    pub(crate) fn unwritten(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Puts a call on its way; [`flush`](Self::flush) sends it.
    pub(crate) fn call(&mut self, caller: usize, since: Instant, authorization: &str, message: &[u8]) {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.head.put(&mut self.outgoing, stream, authorization);
        let body = self.spare.pop().unwrap_or_default();
        self.calls.push(Call { stream, caller, since, status: None, body });
        if self.held.is_empty() && self.take_window(message.len()) {
            wire::put_message(&mut self.outgoing, stream, message);
        } else {
            self.held.push((stream, message.to_vec()));
        }
    }

    fn take_window(&mut self, length: usize) -> bool {
        let length = i64::try_from(length + 5).unwrap_or(i64::MAX);
        let fits = length <= self.window;
        if fits {
            self.window -= length;
        }
        fits
    }

    /// Writes what can be written without waiting.
    ///
    /// # Errors
    /// [`BenchError::Died`].
    pub(crate) fn flush(&mut self) -> Result<()> {
        let mut written = 0;
        while let Some(rest) = self.outgoing.get(written..).filter(|rest| !rest.is_empty()) {
            match self.socket.write(rest) {
                Ok(0) => return Err(self.died("it takes nothing any more")),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.died(error)),
            }
        }
        self.outgoing.drain(..written);
        Ok(())
    }

    /// Reads what is there, without waiting, and hands over each answer.
    ///
    /// # Errors
    /// [`BenchError::Died`].
    pub(crate) fn receive(&mut self, mut answered: impl FnMut(Answer<'_>)) -> Result<()> {
        loop {
            match self.read_more() {
                Ok(0) if self.leaving && self.calls.is_empty() => return Ok(()),
                Ok(0) => {
                    let waiting = self.calls.len();
                    return Err(self.died(format!("it closed a connection with {waiting} calls on it")));
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.died(error)),
            }
            let full = self.filled == self.incoming.len();
            self.understand(&mut answered)?;
            if !full {
                return Ok(());
            }
        }
    }

    /// What was read and not yet understood.
    fn read(&self) -> &[u8] {
        self.incoming.get(..self.filled).unwrap_or_default()
    }

    fn read_more(&mut self) -> std::io::Result<usize> {
        let count = self.socket.read(self.incoming.get_mut(self.filled..).unwrap_or_default())?;
        self.filled += count;
        Ok(count)
    }

    fn understand(&mut self, answered: &mut impl FnMut(Answer<'_>)) -> Result<()> {
        let incoming = std::mem::take(&mut self.incoming);
        let mut rest = incoming.get(..self.filled).unwrap_or_default();
        loop {
            match wire::split(rest) {
                Split::Frame(frame) => {
                    rest = rest.get(wire::FRAME_HEADER + frame.payload.len()..).unwrap_or_default();
                    self.take(frame, answered)?;
                }
                Split::Partial => break,
                Split::Oversized => return Err(self.died("it sent a frame that is too long")),
            }
        }
        let left = rest.len();
        let understood = self.filled - left;
        self.incoming = incoming;
        self.incoming.copy_within(understood..self.filled, 0);
        self.filled = left;
        Ok(())
    }

    fn take(&mut self, frame: Frame<'_>, answered: &mut impl FnMut(Answer<'_>)) -> Result<()> {
        let garbled = |this: &Self| this.died("it sent a frame that makes no sense");
        match frame.kind {
            wire::DATA => {
                let content = frame.content().ok_or_else(|| garbled(self))?;
                if let Some(call) = self.calls.iter_mut().find(|call| call.stream == frame.stream) {
                    call.body.extend_from_slice(content);
                }
                self.read_since_update += u32::try_from(frame.payload.len()).unwrap_or(0);
                if self.read_since_update > WINDOW / 2 {
                    let read = std::mem::take(&mut self.read_since_update);
                    wire::put(&mut self.outgoing, wire::WINDOW_UPDATE, 0, 0, &read.to_be_bytes());
                }
                if frame.flags & wire::END_STREAM != 0 {
                    self.answer(frame.stream, "the answer ended without a status", answered);
                }
            }
            wire::HEADERS => {
                let content = frame.content().ok_or_else(|| garbled(self))?;
                let ends = frame.flags & wire::END_STREAM != 0;
                if frame.flags & wire::END_HEADERS == 0 {
                    self.block = Some((frame.stream, ends, content.to_vec()));
                } else {
                    self.take_block(frame.stream, ends, content, answered)?;
                }
            }
            wire::CONTINUATION => {
                let (stream, ends, mut block) = self.block.take().ok_or_else(|| garbled(self))?;
                block.extend_from_slice(frame.payload);
                if frame.flags & wire::END_HEADERS == 0 {
                    self.block = Some((stream, ends, block));
                } else {
                    self.take_block(stream, ends, &block, answered)?;
                }
            }
            wire::RST_STREAM => self.answer(frame.stream, "the server reset the call", answered),
            wire::SETTINGS if frame.flags & wire::ACK == 0 => wire::put(&mut self.outgoing, wire::SETTINGS, wire::ACK, 0, &[]),
            wire::PING if frame.flags & wire::ACK == 0 => wire::put(&mut self.outgoing, wire::PING, wire::ACK, 0, frame.payload),
            wire::WINDOW_UPDATE if frame.stream == 0 => {
                self.window += i64::from(frame.number().ok_or_else(|| garbled(self))?);
                self.release();
            }
            wire::GOAWAY => self.leaving = true,
            _ => {}
        }
        Ok(())
    }

    /// Sends what waited for room in the server's window, in its order.
    fn release(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        let fitting = held.iter().take_while(|(_, message)| self.take_window(message.len())).count();
        for (stream, message) in held.drain(..fitting) {
            wire::put_message(&mut self.outgoing, stream, &message);
        }
        self.held = held;
    }

    fn take_block(&mut self, stream: u32, ends: bool, block: &[u8], answered: &mut impl FnMut(Answer<'_>)) -> Result<()> {
        let fields = self.fields.read(block).ok_or_else(|| self.died("it sent headers that make no sense"))?;
        let Fields { http_status, grpc_status, grpc_message } = fields;
        if let Some(call) = self.calls.iter_mut().find(|call| call.stream == stream)
            && grpc_status.is_some()
        {
            call.status = grpc_status;
        }
        if ends {
            let other = http_status.map(|status| format!("HTTP status {status} without a gRPC status"));
            self.answer(stream, &grpc_message.or(other).unwrap_or_default(), answered);
        }
        Ok(())
    }

    fn answer(&mut self, stream: u32, detail: &str, answered: &mut impl FnMut(Answer<'_>)) {
        let Some(at) = self.calls.iter().position(|call| call.stream == stream) else { return };
        let Call { caller, since, status, mut body, .. } = self.calls.swap_remove(at);
        // 2 is UNKNOWN: what a client makes of an answer without a status.
        let code = status.and_then(|status| status.parse().ok()).unwrap_or(2);
        answered(Answer { caller, since, code, detail, message: body.get(5..).unwrap_or_default() });
        body.clear();
        self.spare.push(body);
    }

    fn died(&self, detail: impl std::fmt::Display) -> BenchError {
        BenchError::Died { address: self.address, detail: detail.to_string() }
    }
}
