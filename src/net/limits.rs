//! The limits of the listener, with the defaults of the service.

use std::time::Duration;

/// By how many hundredths of [`Limits::max_connection_age`] the age of one connection may differ from it, to either side.
pub const AGE_SPREAD_PERCENT: u32 = 10;

/// What one listener and each of its connections may cost. [`Limits::default`] is what the service runs with.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From accept to the end of the TLS handshake and the client's first bytes (the whole HTTP/2 preface). 10 s.
    pub handshake_timeout: Duration,
    /// HTTP/1: how long the headers of a request may take, counted from the moment when the connection is ready for one. An
    /// unused HTTP/1 connection is therefore closed after this, too. 10 s.
    pub header_read_timeout: Duration,
    /// A connection without a call in flight is closed after this. 5 min.
    pub idle_timeout: Duration,
    /// The same when all [`Self::max_connections`] are taken; then the one that has been idle longest is closed. 10 s.
    pub idle_when_full: Duration,
    /// Age at which a connection gets GOAWAY, spread by [`AGE_SPREAD_PERCENT`]. 30 min.
    pub max_connection_age: Duration,
    /// How long calls in flight may go on after that GOAWAY before the connection is cut. 30 s.
    pub connection_age_grace: Duration,
    /// HTTP/2: a PING is sent after this much silence. 60 s.
    pub keepalive_interval: Duration,
    /// HTTP/2: a PING that is not answered within this ends the connection. 20 s.
    pub keepalive_timeout: Duration,
    /// Connections at once; more wait in the kernel's queue. 10,000.
    pub max_connections: usize,
    /// Connections at once of one source (IPv6: one /64); more are closed at once. Loopback has no such limit. 1,000.
    pub max_connections_per_source: usize,
    /// HTTP/2: calls at once on a connection. 100.
    pub max_concurrent_streams: u32,
    /// Bytes of headers in one request, HTTP/1 and HTTP/2. 16 KiB; at least 8 KiB is used for HTTP/1.
    pub max_header_list: u32,
    /// HTTP/2: streams that a client may reset before the server has looked at them (CVE-2023-44487). 20.
    pub max_pending_accept_reset_streams: usize,
    /// HTTP/2: resets that a client's own errors may cause before the connection ends. 1,024.
    pub max_local_error_reset_streams: usize,
    /// HTTP/2: bytes of one call's body that may be on their way. 64 KiB.
    pub initial_stream_window: u32,
    /// HTTP/2: bytes of all bodies on a connection that may be on their way. 512 KiB.
    pub initial_connection_window: u32,
    /// HTTP/2: bytes of one frame. 16 KiB, the least the protocol allows.
    pub max_frame_size: u32,
    /// HTTP/2: bytes of one answer that may wait for a slow reader. 64 KiB.
    pub max_send_buffer: usize,
    /// How long calls in flight may go on at shutdown before everything is cut. 10 s.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(5),
            idle_when_full: Duration::from_secs(10),
            max_connection_age: Duration::from_mins(30),
            connection_age_grace: Duration::from_secs(30),
            keepalive_interval: Duration::from_mins(1),
            keepalive_timeout: Duration::from_secs(20),
            max_connections: 10_000,
            max_connections_per_source: 1_000,
            max_concurrent_streams: 100,
            max_header_list: 16 * 1024,
            max_pending_accept_reset_streams: 20,
            max_local_error_reset_streams: 1024,
            initial_stream_window: 64 * 1024,
            initial_connection_window: 512 * 1024,
            max_frame_size: 16 * 1024,
            max_send_buffer: 64 * 1024,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Lowers [`Self::max_connections`] so that `descriptors` open files suffice for them and for the rest of the process.
    #[must_use]
    pub fn within(mut self, descriptors: u64) -> Self {
        let reserve = (descriptors / 2).min(RESERVED_DESCRIPTORS);
        let room = usize::try_from(descriptors - reserve).unwrap_or(usize::MAX);
        self.max_connections = self.max_connections.min(room.max(1));
        self
    }
}

/// Descriptors kept for the store, the log and outgoing calls.
const RESERVED_DESCRIPTORS: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        assert_eq!(Limits::default().within(1024).max_connections, 768);
        assert_eq!(Limits::default().within(64).max_connections, 32);
        assert_eq!(Limits::default().within(1).max_connections, 1);
        assert_eq!(Limits::default().within(1 << 20).max_connections, 10_000);
    }
}
