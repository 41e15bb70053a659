//! Floods of frames that cost a client little.

use countersign::net::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::Code;

use crate::support::{CHECK, Server, WAIT, until_closed};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const GOAWAY: u8 = 7;
const ENHANCE_YOUR_CALM: u8 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// HPACK without compression or indexing: `:method POST`, `:scheme http`, `:path`, `:authority`, `content-type`.
fn headers(path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    for (index, value) in [(&[0x04][..], path), (&[0x01], "localhost"), (&[0x0f, 0x10], "application/grpc")] {
        block.extend_from_slice(index);
        block.push(u8::try_from(value.len()).unwrap());
        block.extend_from_slice(value.as_bytes());
    }
    block
}

/// The error codes of the GOAWAYs in what a server sent.
fn goaways(mut bytes: &[u8]) -> Vec<u8> {
    let mut codes = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let Some((payload, after)) = rest.split_at_checked(length) else { break };
        if *kind == GOAWAY {
            codes.push(payload[7]);
        }
        bytes = after;
    }
    codes
}

/// Writes without pause until the server has closed, and answers what it said. Reads meanwhile, so that nobody waits for the other.
async fn flood(client: TcpStream, bytes: Vec<u8>) -> Vec<u8> {
    let (reader, mut writer) = client.into_split();
    let writing = tokio::spawn(async move {
        // The server closes in the middle of it; that is the point.
        let _ = writer.write_all(&bytes).await;
        writer
    });
    let said = until_closed(reader).await;
    drop(writing.await);
    said
}

#[tokio::test]
async fn a_rapid_reset_ends_its_connection_and_no_other() {
    let server = Server::start(Limits::default()).await;
    let other = server.h2().await;
    let mut bytes = PREFACE.to_vec();
    for stream in 0..2_000 {
        let stream = 2 * stream + 1;
        bytes.extend(frame(1, 0x4, stream, &headers(WAIT)));
        bytes.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
    }
    let (said, answered) = tokio::join!(flood(server.tcp().await, bytes), other.call(CHECK));
    assert_eq!(answered.unwrap().status().code(), Code::Ok);
    assert!(goaways(&said).contains(&ENHANCE_YOUR_CALM), "{:?}", goaways(&said));
    assert_eq!(server.h2().await.call(CHECK).await.unwrap().status().code(), Code::Ok);
}

#[tokio::test]
async fn headers_that_never_end_end_their_connection() {
    let server = Server::start(Limits::default()).await;
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(1, 0, 1, &headers(CHECK)));
    for line in 0..100_000 {
        let name = format!("x-{line:06}");
        let mut block = vec![0, u8::try_from(name.len()).unwrap()];
        block.extend_from_slice(name.as_bytes());
        block.extend_from_slice(&[1, b'v']);
        bytes.extend(frame(9, 0, 1, &block));
    }
    let said = flood(server.tcp().await, bytes).await;
    assert!(!goaways(&said).is_empty());
    assert_eq!(server.h2().await.call(CHECK).await.unwrap().status().code(), Code::Ok);
}

#[tokio::test]
async fn garbage_after_the_preface_ends_its_connection() {
    let server = Server::start(Limits::default()).await;
    let mut bytes = PREFACE.to_vec();
    bytes.extend(std::iter::repeat_n(0xA5, 4096));
    flood(server.tcp().await, bytes).await;
    assert_eq!(server.h2().await.call(CHECK).await.unwrap().status().code(), Code::Ok);
}
