//! Signals: what each does, that a stop waits for nobody who only watches, and that a start can be interrupted.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::arena::refusal::told;
use crate::harness::{SOON, Server, Setup};

/// Less than any drain that waited for something.
const QUICK: Duration = Duration::from_secs(5);

#[tokio::test]
async fn usr1_and_usr2_do_nothing_and_a_hangup_ends_nothing() {
    let server = Server::start().await;
    for signal in [Signal::USR1, Signal::USR2, Signal::HUP, Signal::USR1] {
        kill_process(server.pid(), signal).unwrap();
    }
    server.logged("the log follows its setting").await;
    server.login_admin().await;
    assert_eq!(server.stop().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_hangup_reads_the_log_level_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countersign.toml");
    std::fs::write(&file, "log = 'info'\n").unwrap();
    let server = Setup::new().env("COUNTERSIGN_CONFIG", &file.display().to_string()).start().await;
    std::fs::write(&file, "log = 'warning'\n").unwrap();
    kill_process(server.pid(), Signal::HUP).unwrap();
    server.logged("the log stays as it is").await;
    std::fs::write(&file, "log = 'info,countersign::net=debug'\n").unwrap();
    kill_process(server.pid(), Signal::HUP).unwrap();
    server.logged("filter=\"info,countersign::net=debug\"").await;
    assert!(!server.log().contains("DEBUG"));
    std::io::Write::write_all(&mut TcpStream::connect(server.address()).unwrap(), b"no protocol\r\n\r\n").unwrap();
    server.logged("DEBUG countersign::net").await;
    server.stop().await;
}

/// A call whose message never comes whole holds the drain.
async fn hold(server: &Server) -> tokio::net::TcpStream {
    let mut held = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let request = "POST /countersign.v1.AuthService/Login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/grpc-web\r\n\
                content-length: 50\r\n\r\n";
    held.write_all(request.as_bytes()).await.unwrap();
    held.write_all(&[0; 10]).await.unwrap();
    held
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let server = Setup::new().env("COUNTERSIGN_DRAIN_SECONDS", "60").start().await;
        let _held = hold(&server).await;
        // Whoever is answered came after it.
        server.login_admin().await;
        kill_process(server.pid(), Signal::TERM).unwrap();
        server.logged("shutting down").await;
        kill_process(server.pid(), second).unwrap();
        let began = Instant::now();
        let stopped = server.ended().await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(stopped.status.code(), Some(1), "{stopped:#?}");
    }
}

#[tokio::test]
async fn who_only_watches_is_told_and_holds_no_stop() {
    let server = Server::start().await;
    let mut health = HealthClient::new(server.channel().await);
    let mut states = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let mut reflection = v1::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    let (questions, asked) = tokio::sync::mpsc::channel(1);
    let asked = tokio_stream::wrappers::ReceiverStream::new(asked);
    let question =
        v1::ServerReflectionRequest { message_request: Some(MessageRequest::ListServices(String::new())), ..Default::default() };
    questions.send(question).await.unwrap();
    let mut answers = reflection.server_reflection_info(asked).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap();
    let began = Instant::now();
    let ended = tokio::spawn(server.stop());

    let told_last = timeout(SOON, states.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(told_last.status(), ServingStatus::NotServing);
    for end in [states.message().await.unwrap_err(), answers.message().await.unwrap_err()] {
        assert_eq!((end.code(), told(&end).1.as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    }
    let stopped = ended.await.unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{stopped:#?}");
    assert!(began.elapsed() < QUICK, "{:?}", began.elapsed());
    drop(questions);
}

#[tokio::test]
async fn a_message_that_is_cut_off_is_no_error_of_ours() {
    let server = Setup::new().env("COUNTERSIGN_LOG", "info,countersign::grpc=debug").start().await;
    for _ in 0..3 {
        // HTTP/1.1, which ends with its connection.
        drop(hold(&server).await);
        server.logged("cut off on its way").await;
    }
    for code in [h2::Reason::NO_ERROR, h2::Reason::INTERNAL_ERROR, h2::Reason::PROTOCOL_ERROR, h2::Reason::STREAM_CLOSED] {
        let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        for path in [
            "/countersign.v1.AuthService/Login",
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            let request = http::Request::post(format!("http://localhost{path}")).header("content-type", "application/grpc");
            let (_, mut body) = client.send_request(request.body(()).unwrap(), false).unwrap();
            body.send_data(bytes::Bytes::from_static(&[0, 0, 0, 0, 9, 1]), false).unwrap();
            body.send_reset(code);
        }
        drop(client);
        drop(timeout(SOON, connection).await.unwrap());
    }
    server.login_admin().await;
    let stopped = server.stop().await;
    assert!(!stopped.stderr.contains("ERROR"), "{stopped:#?}");
}

/// Opening that takes as long as one likes, beside the program so that its end is the program's own.
const SLOW: [&str; 10] =
    ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=10000000"];

#[tokio::test]
async fn a_start_can_be_interrupted_and_listens_last() {
    if !std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success()) {
        println!("SKIPPED: strace cannot be used here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let setup = || Setup::new().data_dir(&data).env("COUNTERSIGN_LISTEN", &free.to_string());
    let mut child = setup().under(&SLOW).launch();
    let opening = async {
        while !data.join("sled/db").exists() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, opening).await.expect("it begins to open");
    assert!(TcpStream::connect(free).is_err(), "nobody is let in before there are answers");
    let pid = child.id().unwrap();
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::TERM).unwrap();
    // strace holds back the thread that it delays, and with it the last trace of the process, which is over before.
    let over = async {
        while !std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains("State:\tZ") {
            tokio::task::yield_now().await;
        }
    };
    timeout(QUICK, over).await.expect("it does not wait for the store");
    assert!(timeout(SOON, child.wait()).await.unwrap().unwrap().success());
    // And what was left is no damage.
    let server = setup().start().await;
    server.login_admin().await;
    server.stop().await;
}

#[tokio::test]
async fn a_setting_that_is_never_read_to_its_end_can_be_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut child =
        Setup::new().data_dir(&folder.path().join("data")).env("COUNTERSIGN_KEK_FILE", &pipe.display().to_string()).launch();
    // Who opens the other end waits until the server has opened this one.
    let opened = tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(pipe).unwrap());
    let _never_written = timeout(SOON, opened).await.expect("the server reads it").unwrap();
    kill_process(Pid::from_raw(child.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
    assert!(timeout(QUICK, child.wait()).await.expect("it ends").unwrap().success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
    assert!(!said.contains("panicked"), "{said}");
}
