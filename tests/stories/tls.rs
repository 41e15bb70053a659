//! TLS on the listener: who trusts its certificate gets in, cleartext does not.

use std::path::Path;

use countersign::grpc::pb::GetJwksRequest;
use countersign::grpc::pb::token_service_client::TokenServiceClient;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

use crate::harness::{ADMIN_PASSWORD, Server, Setup, command};

/// An authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes `cert.pem` and `key.pem` for loopback.
    fn issue(&self, folder: &Path) -> [(&'static str, String); 2] {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&cert_file, cert.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        [("COUNTERSIGN_TLS_CERT", cert_file.display().to_string()), ("COUNTERSIGN_TLS_KEY", key_file.display().to_string())]
    }
}

async fn connect(server: &Server, authority: &str) -> Result<Channel, tonic::transport::Error> {
    let trust = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
    let url = format!("https://{}", server.address());
    Channel::from_shared(url).unwrap().tls_config(trust).unwrap().connect().await
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_answered_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let [cert, key] = authority.issue(folder.path());
    let server = Setup::new().env(cert.0, &cert.1).env(key.0, &key.1).start().await;

    let channel = connect(&server, &authority.pem()).await.unwrap();
    let keys = TokenServiceClient::new(channel).get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(keys.len(), 1);
    assert!(connect(&server, &Authority::new().pem()).await.is_err());
    let cleartext = Channel::from_shared(server.url()).unwrap().connect().await;
    let refused = match cleartext {
        Ok(channel) => TokenServiceClient::new(channel).get_jwks(GetJwksRequest {}).await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
    server.stop().await;
}

#[tokio::test]
async fn the_commands_reach_it_and_its_issuer_says_https() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let [cert, key] = authority.issue(folder.path());
    let server = Setup::new().env(cert.0, &cert.1).env(key.0, &key.1).start().await;
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let url = format!("https://{}", server.address());
    let environment = [("COUNTERSIGN_SERVER", url.as_str()), ("COUNTERSIGN_CA", ca.to_str().unwrap())];

    let ran = command(&["login", "admin"], &environment, ADMIN_PASSWORD).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let token = ran.stdout.trim_end().to_owned();
    let with_token = [environment[0], environment[1], ("COUNTERSIGN_TOKEN", token.as_str())];
    let link = command(&["link", "create", "visitor", "d"], &with_token, "").await;
    assert!(link.stdout.starts_with(&url), "{link:?}");
    let untrusting = command(&["login", "admin"], &environment[..1], ADMIN_PASSWORD).await;
    assert_eq!(untrusting.code, 3, "{untrusting:?}");
    server.stop().await;
}

#[tokio::test]
async fn files_that_make_no_certificate_end_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = Authority::new().issue(folder.path());
    let start = |cert_file: String, key_file: String| {
        Setup::new().env("COUNTERSIGN_TLS_CERT", &cert_file).env("COUNTERSIGN_TLS_KEY", &key_file).fail()
    };
    let missing = start("/nonexistent/cert.pem".to_owned(), key.1.clone()).await;
    assert!(missing.last_line().contains("COUNTERSIGN_TLS_CERT: cannot read /nonexistent/cert.pem"), "{missing:#?}");
    let swapped = start(key.1.clone(), cert.1.clone()).await;
    assert!(swapped.last_line().contains("COUNTERSIGN_TLS_CERT"), "{swapped:#?}");
    let other = tempfile::tempdir().unwrap();
    let [_, foreign] = Authority::new().issue(other.path());
    let mismatch = start(cert.1.clone(), foreign.1.clone()).await;
    assert!(mismatch.last_line().contains("usable pair"), "{mismatch:#?}");
    for stopped in [missing, swapped, mismatch] {
        assert_eq!(stopped.status.code(), Some(1));
    }
    let alone = Setup::new().env("COUNTERSIGN_TLS_CERT", &cert.1).fail().await;
    assert!(alone.last_line().contains("COUNTERSIGN_TLS_KEY"), "{alone:#?}");
}

#[tokio::test]
async fn a_certificate_that_could_not_be_read_is_tried_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = Authority::new().issue(folder.path());
    let server = Setup::new().env(cert.0, &cert.1).env(key.0, &key.1).start().await;
    // The key is away while the certificate changes, as between the two steps of a renewal, and comes back as it was.
    let (away, newer) = (folder.path().join("away"), Authority::new());
    std::fs::rename(&key.1, &away).unwrap();
    server.logged("the TLS certificate was not replaced").await;
    newer.issue(folder.path());
    server.logged("the TLS certificate was replaced").await;
    connect(&server, &newer.pem()).await.unwrap();
    assert_eq!(server.log().matches("was not replaced").count(), 1, "{}", server.log());
    server.stop().await;
}

#[tokio::test]
async fn a_hangup_reads_the_certificate_again() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = Authority::new().issue(folder.path());
    let server = Setup::new().env(cert.0, &cert.1).env(key.0, &key.1).start().await;
    // Nothing has changed, and it is read all the same.
    rustix::process::kill_process(server.pid(), rustix::process::Signal::HUP).unwrap();
    server.logged("the TLS certificate was replaced").await;
    server.stop().await;
}

#[tokio::test]
async fn mistakes_with_the_files_have_sentences_of_their_own_and_an_expired_certificate_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let [cert, key] = authority.issue(folder.path());
    let start = || Setup::new().env(cert.0, &cert.1).env(key.0, &key.1);
    let whole = std::fs::read_to_string(&cert.1).unwrap();
    for (content, part) in
        [(format!("\u{feff}{whole}"), "byte order mark"), (format!("{}{whole}", authority.pem()), "wrong order")]
    {
        std::fs::write(&cert.1, content).unwrap();
        let stopped = start().fail().await;
        assert!(stopped.last_line().contains("COUNTERSIGN_TLS_CERT") && stopped.last_line().contains(part), "{stopped:#?}");
    }
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let pair = KeyPair::from_pem(&std::fs::read_to_string(&key.1).unwrap()).unwrap();
    std::fs::write(&cert.1, params.signed_by(&pair, &authority.0).unwrap().pem()).unwrap();
    let server = start().start().await;
    server.logged("has expired on").await;
    server.stop().await;

    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(&key.1, locked).unwrap();
    let stopped = start().fail().await;
    assert!(stopped.last_line().contains("COUNTERSIGN_TLS_KEY") && stopped.last_line().contains("passphrase"), "{stopped:#?}");
}

#[tokio::test]
async fn a_command_says_in_words_why_it_trusts_no_server() {
    let folder = tempfile::tempdir().unwrap();
    // An authority that serves with its own certificate.
    let made = Authority::new();
    let cert = folder.path().join("cert.pem");
    std::fs::write(&cert, made.pem()).unwrap();
    let key = folder.path().join("key.pem");
    std::fs::write(&key, made.0.key().serialize_pem()).unwrap();
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    let server = Setup::new().env("COUNTERSIGN_TLS_CERT", &cert).env("COUNTERSIGN_TLS_KEY", &key).start().await;
    let url = format!("https://{}", server.address());
    let ran = command(&["login", "admin"], &[("COUNTERSIGN_SERVER", &url), ("COUNTERSIGN_CA", &cert)], ADMIN_PASSWORD).await;
    assert!(ran.code == 3 && ran.stderr.contains("not of a server") && !ran.stderr.contains("Error("), "{ran:?}");
    server.stop().await;
}
