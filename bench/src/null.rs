//! A server that understands nothing: it answers every request with the same bytes. How fast it is called is how fast the
//! driver is, which is how we know that the driver is not what a measurement measures.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::error::{Result, Trying as _};
use crate::process;
use crate::wire::{self, Split};

/// Starts it on a free port of loopback, kept on `core`. Each connection has a thread of its own, which ends with it; the
/// listener ends with the process.
///
/// # Errors
/// [`crate::error::BenchError::Io`].
pub(crate) fn start(core: Option<usize>) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).trying("listen on loopback")?;
    let address = listener.local_addr().trying("read the listening address")?;
    thread::spawn(move || {
        let _ = core.map(process::pin);
        for socket in listener.incoming().map_while(std::result::Result::ok) {
            // A connection that breaks is the driver's to report.
            thread::spawn(move || drop(answer(socket)));
        }
    });
    Ok(address)
}

fn answer(mut socket: TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut preface = [0; wire::PREFACE.len()];
    socket.read_exact(&mut preface)?;
    let mut out = Vec::new();
    wire::put(&mut out, wire::SETTINGS, 0, 0, &[]);
    // All the room there is: it would be tedious to count.
    wire::put(&mut out, wire::WINDOW_UPDATE, 0, 0, &(u32::MAX / 2 - 65_535).to_be_bytes());
    let (mut incoming, mut filled) = (vec![0; 256 * 1024], 0);
    loop {
        socket.write_all(&out)?;
        out.clear();
        let count = socket.read(incoming.get_mut(filled..).unwrap_or_default())?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let mut rest = incoming.get(..filled).unwrap_or_default();
        while let Split::Frame(frame) = wire::split(rest) {
            if frame.kind == wire::DATA && frame.flags & wire::END_STREAM != 0 {
                put_answer(&mut out, frame.stream);
            }
            rest = rest.get(wire::FRAME_HEADER + frame.payload.len()..).unwrap_or_default();
        }
        let left = rest.len();
        incoming.copy_within(filled - left..filled, 0);
        filled = left;
    }
}

/// `:status` 200, one empty message, `grpc-status` 0.
fn put_answer(out: &mut Vec<u8>, stream: u32) {
    const TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";
    wire::put(out, wire::HEADERS, wire::END_HEADERS, stream, &[0x88]);
    wire::put(out, wire::DATA, 0, stream, &[0; 5]);
    wire::put(out, wire::HEADERS, wire::END_HEADERS | wire::END_STREAM, stream, TRAILERS);
}
