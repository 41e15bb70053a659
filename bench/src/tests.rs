use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::calls::health;
use crate::drive::{Measured, Shape, drive};
use crate::error::{BenchError, Result};
use crate::{fill, null, wire};

fn shape(address: SocketAddr) -> Shape {
    Shape {
        address,
        pid: Some(std::process::id()),
        connections: 2,
        in_flight: 16,
        rate: None,
        warm_up: Duration::from_millis(20),
        length: Duration::from_millis(200),
    }
}

fn run(shape: &Shape) -> Result<Measured> {
    drive(shape, &mut health(), &AtomicBool::new(false), &mut None)
}

/// A server that does this with its first connection.
fn once(serve: impl FnOnce(std::net::TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

#[test]
fn callers_call_again_as_soon_as_they_are_answered() {
    let measured = run(&shape(null::start(None).unwrap())).unwrap();
    assert!(measured.calls > 100, "{measured:?}");
    assert!(measured.refused.is_empty());
    assert!(measured.seconds >= 0.2 && measured.quantile(0.5) > 0.0 && measured.quantile(0.99) >= measured.quantile(0.5));
    assert!(measured.memory.unwrap().peak > 0);
}

#[test]
fn a_rate_is_kept_and_every_call_that_was_due_is_counted() {
    let measured = run(&Shape { rate: Some(1000.0), ..shape(null::start(None).unwrap()) }).unwrap();
    assert!((100..=220).contains(&measured.calls), "{}", measured.calls);
}

#[test]
fn a_stall_is_charged_to_every_call_that_was_due_meanwhile() {
    // Answers nothing for a while, then everything at once.
    let address = once(|mut socket| {
        let mut out = Vec::new();
        wire::put(&mut out, wire::SETTINGS, 0, 0, &[]);
        socket.write_all(&out).unwrap();
        std::thread::sleep(Duration::from_millis(150));
        let upstream = null::start(None).unwrap();
        let mut upstream = std::net::TcpStream::connect(upstream).unwrap();
        let mut back = (upstream.try_clone().unwrap(), socket.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
        let _ = std::io::copy(&mut socket, &mut upstream);
    });
    let length = Duration::from_millis(300);
    let shape = Shape { rate: Some(200.0), connections: 1, in_flight: 1, warm_up: Duration::ZERO, length, ..shape(address) };
    let measured = run(&shape).unwrap();
    // One caller, one call on its way: all the others of the first 150 ms waited as well.
    let waited = measured.latency.iter_recorded().filter(|value| value.value_iterated_to() > 40_000_000);
    assert!(waited.map(|value| value.count_at_value()).sum::<u64>() >= 15, "{}", measured.calls);
}

#[test]
fn what_does_not_speak_http2_is_named() {
    let address = once(|mut socket| {
        let mut request = [0; 64];
        let _ = socket.read(&mut request).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let error = fill::greet(address).unwrap_err();
    assert_eq!(error.to_string(), format!("{address} is no countersign server: it does not speak HTTP/2"));
}

#[test]
fn a_grpc_server_that_is_not_ours_is_named_before_any_secret_is_sent() {
    let address = once(|mut socket| {
        let mut out = Vec::new();
        wire::put(&mut out, wire::SETTINGS, 0, 0, &[]);
        socket.write_all(&out).unwrap();
        let mut request = [0; 4096];
        let mut filled = 0;
        while !request[..filled].windows(13).any(|bytes| bytes == b"PeekSingleUse") {
            filled += socket.read(&mut request[filled..]).unwrap();
        }
        out.clear();
        let unimplemented = b"\x88\x00\x0bgrpc-status\x0212";
        wire::put(&mut out, wire::HEADERS, wire::END_HEADERS | wire::END_STREAM, 1, unimplemented);
        socket.write_all(&out).unwrap();
        let _ = socket.read(&mut request);
    });
    let error = fill::greet(address).unwrap_err();
    assert!(error.to_string().contains("no countersign server: it answers UNIMPLEMENTED"), "{error}");
}

#[test]
fn nothing_there_is_unreachable() {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    assert!(matches!(fill::greet(address), Err(BenchError::Unreachable { .. })));
    assert!(matches!(run(&shape(address)), Err(BenchError::Died { .. })));
}

#[test]
fn a_server_that_goes_away_leaves_what_was_measured() {
    let address = once(|mut socket| {
        let upstream = null::start(None).unwrap();
        let mut upstream = std::net::TcpStream::connect(upstream).unwrap();
        let (mut from, mut to) = (upstream.try_clone().unwrap(), socket.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut (&mut socket).take(200_000), &mut upstream);
        let _ = socket.shutdown(std::net::Shutdown::Both);
    });
    let mut kept = None;
    let shape = Shape { connections: 1, warm_up: Duration::ZERO, length: Duration::from_mins(1), ..shape(address) };
    let outcome = drive(&shape, &mut health(), &AtomicBool::new(false), &mut kept);
    assert!(matches!(outcome, Err(BenchError::Died { .. })), "{outcome:?}");
    assert!(kept.unwrap().calls > 10);
}
