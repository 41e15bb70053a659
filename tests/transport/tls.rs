//! TLS: who gets in, with what, and how the certificate changes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::edge::EdgeSettings;
use countersign::net::Limits;
use countersign::net::tls::Tls;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Code;

use crate::support::{CHECK, H2, SOURCE, Server, until_closed};

/// Writes a new self-signed pair and answers its certificate.
fn write_pair(directory: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

async fn start(limits: Limits) -> (Server, TempDir, CertificateDer<'static>) {
    let directory = tempfile::tempdir().unwrap();
    let certificate = write_pair(directory.path());
    let tls = Tls::open(directory.path().join("cert.pem"), directory.path().join("key.pem")).unwrap();
    (Server::start_with(limits, EdgeSettings::default(), Some(Arc::new(tls))).await, directory, certificate)
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), server.tcp().await).await
}

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test]
async fn http2_is_chosen_and_the_peer_is_known() {
    let (server, _directory, certificate) = start(Limits::default()).await;
    for version in BOTH {
        let stream = connect(&server, &certificate, &[version], &["h2", "http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let client = H2::over(stream).await;
        assert_eq!(client.call(CHECK).await.unwrap().status().code(), Code::Ok);
        assert!(client.call(SOURCE).await.unwrap().body.ends_with(b"127.0.0.1"));
    }
}

#[tokio::test]
async fn http1_is_spoken_to_who_offers_only_that_and_other_protocols_are_refused() {
    let (server, _directory, certificate) = start(Limits::default()).await;
    let mut stream = connect(&server, &certificate, BOTH, &["http/1.1"]).await.unwrap();
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(until_closed(stream).await.starts_with(b"HTTP/1.1 404"));
    assert!(connect(&server, &certificate, BOTH, &["smtp"]).await.is_err());
}

#[tokio::test]
async fn cleartext_gets_no_answer_on_a_tls_port() {
    let (server, _directory, certificate) = start(Limits::default()).await;
    for greeting in [&b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"] {
        let mut client = server.tcp().await;
        client.write_all(greeting).await.unwrap();
        let said = until_closed(client).await;
        assert!(said.is_empty() || said[0] == ALERT, "{said:?}");
    }
    assert!(connect(&server, &certificate, BOTH, &["h2"]).await.is_ok());
}

const ALERT: u8 = 21;
const PROTOCOL_VERSION: u8 = 70;

#[tokio::test]
async fn tls_1_1_is_not_offered() {
    let (server, _directory, _) = start(Limits::default()).await;
    // A ClientHello of version 1.1 with one cipher suite of its time (TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA) and a
    // signature algorithm, without which rustls refuses before it looks at the version.
    let mut hello = vec![3, 2];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 2, 0xC0, 0x13, 1, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let mut message = vec![22, 3, 1, 0, u8::try_from(hello.len() + 4).unwrap(), 1, 0, 0, u8::try_from(hello.len()).unwrap()];
    message.extend(hello);
    let mut client = server.tcp().await;
    client.write_all(&message).await.unwrap();
    let said = until_closed(client).await;
    assert_eq!((said[0], said[said.len() - 1]), (ALERT, PROTOCOL_VERSION), "{said:?}");
}

#[tokio::test]
async fn a_handshake_that_stalls_is_closed() {
    let (server, _directory, certificate) =
        start(Limits { handshake_timeout: Duration::from_millis(300), ..Limits::default() }).await;
    assert!(until_closed(server.tcp().await).await.is_empty());
    let greeted_not = connect(&server, &certificate, BOTH, &["h2"]).await.unwrap();
    assert!(until_closed(greeted_not).await.is_empty());
}

#[tokio::test]
async fn a_new_certificate_is_used_and_live_connections_stay() {
    let (server, directory, old) = start(Limits::default()).await;
    let live = H2::over(connect(&server, &old, BOTH, &["h2"]).await.unwrap()).await;

    std::fs::write(directory.path().join("cert.pem"), "not a certificate").unwrap();
    assert!(connect(&server, &old, BOTH, &["h2"]).await.is_ok());

    let new = write_pair(directory.path());
    let replaced = async {
        // The server looks once a second; each handshake asks whether it has.
        while connect(&server, &new, BOTH, &["h2"]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::support::LONG, replaced).await.unwrap();
    assert!(connect(&server, &old, BOTH, &["h2"]).await.is_err());
    assert_eq!(live.call(CHECK).await.unwrap().status().code(), Code::Ok);
}

#[tokio::test]
async fn the_drain_covers_tls() {
    let (server, _directory, certificate) = start(Limits::default()).await;
    let client = H2::over(connect(&server, &certificate, BOTH, &["h2"]).await.unwrap()).await;
    let _stalled = server.tcp().await;
    assert_eq!(client.call(CHECK).await.unwrap().status().code(), Code::Ok);
    server.shut_down();
    client.end().await.unwrap();
    assert_eq!(server.drained().await.cut, 0);
}
