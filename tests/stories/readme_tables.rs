//! The README's tables say what the code says: settings, rpcs and error reasons are generated from their sources, and an rpc is
//! marked where a running server answers that it is not implemented.

use std::fmt::Write as _;
use std::time::Duration;

use countersign::config::table;
use countersign::grpc::pb::DESCRIPTOR_SET;
use countersign::net::{AGE_SPREAD_PERCENT, Limits};
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic::Code;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use crate::harness::{InProcess, bearer};

const README: &str = include_str!("../../README.md");

#[test]
fn settings_are_those_of_the_table() {
    let mut expected = String::from("| setting | default | what it does |\n|---|---|---|\n");
    for setting in table::ALL {
        let flag = if setting.flag.is_empty() { String::new() } else { format!(", `--{}`", setting.flag) };
        let default = if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let help = setting.help.replace('|', "\\|");
        writeln!(expected, "| `{}`{flag} | {default} | {help} |", setting.name).unwrap();
    }
    assert_section("settings", &expected);
}

#[tokio::test]
async fn rpcs_are_those_of_the_contract_and_those_without_an_answer_are_marked() {
    let server = InProcess::start().await;
    let mut expected = String::from("| rpc | who may call it | in this release |\n|---|---|---|\n");
    for file in files() {
        for (service_index, service) in file.service.iter().enumerate() {
            for (index, method) in service.method.iter().enumerate() {
                let comment = comment(&file, &[6, as_path(service_index), 2, as_path(index)]);
                let who = paragraph(&comment, "Who: ").unwrap_or_else(|| panic!("{} says not who", method.name()));
                let path = format!("/countersign.v1.{}/{}", service.name(), method.name());
                let mark = if is_unimplemented(&server, &path).await { " not yet " } else { " " };
                writeln!(expected, "| `{}.{}` | {who} |{mark}|", service.name(), method.name()).unwrap();
            }
        }
    }
    server.stop().await;
    assert_section("rpcs", &expected);
}

/// Calls an rpc with an empty message, as a superuser with a session of its own, since some calls end the one they are made with.
async fn is_unimplemented(server: &InProcess, path: &str) -> bool {
    let tokens = server.login_admin().await;
    let mut grpc = Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<(), ()>::default();
    let answer = grpc.server_streaming(bearer(&tokens.access_token, ()), path.parse().unwrap(), codec).await;
    answer.is_err_and(|status| status.code() == Code::Unimplemented)
}

#[test]
fn reasons_are_those_of_the_contract() {
    let mut expected = String::from("| reason | code and meaning |\n|---|---|\n");
    for file in files() {
        for (enum_index, reasons) in file.enum_type.iter().enumerate().filter(|(_, e)| e.name() == "ErrorReason") {
            for (index, value) in reasons.value.iter().enumerate().skip(1) {
                let comment = comment(&file, &[5, as_path(enum_index), 2, as_path(index)]);
                let meaning = comment.split("\n\n").next().unwrap_or_default().replace('\n', " ");
                let name = value.name().trim_start_matches("ERROR_REASON_");
                writeln!(expected, "| `{name}` | {} |", meaning.replace('|', "\\|")).unwrap();
            }
        }
    }
    assert_section("reasons", &expected);
}

#[test]
fn connections_end_as_the_listener_ends_them() {
    let limits = Limits::default();
    let span = |span: Duration| match span.as_secs() {
        secs if secs > 0 && secs % 60 == 0 => format!("{} min", secs / 60),
        secs => format!("{secs} s"),
    };
    let expected = format!(
        "| when | what happens |\n|---|---|\n\
         | no TLS handshake and no request within {} | the connection is closed |\n\
         | HTTP/2: no call in flight for {} | GOAWAY, and the connection is closed; after {} where all `{}` are taken |\n\
         | HTTP/1: no request for {} | the connection is closed |\n\
         | HTTP/2: silence for {} | the server sends a PING; without an answer within {} the connection is closed |\n\
         | {} old, {AGE_SPREAD_PERCENT} % more or less | GOAWAY; calls in flight, streams too, have {} more |\n",
        span(limits.handshake_timeout),
        span(limits.idle_timeout),
        span(limits.idle_when_full),
        table::MAX_CONNECTIONS.name,
        span(limits.header_read_timeout),
        span(limits.keepalive_interval),
        span(limits.keepalive_timeout),
        span(limits.max_connection_age),
        span(limits.connection_age_grace),
    );
    assert_section("connections", &expected);
}

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    let mut ours: Vec<_> = set.file.into_iter().filter(|file| file.package() == "countersign.v1").collect();
    let order = ["auth.proto", "token.proto", "account.proto", "admin.proto", "error.proto"];
    ours.sort_by_key(|file| order.iter().position(|name| file.name().ends_with(name)));
    ours
}

fn as_path(index: usize) -> i32 {
    i32::try_from(index).unwrap()
}

fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let locations = &file.source_code_info.as_ref().unwrap().location;
    let location = locations.iter().find(|location| location.path == path).unwrap();
    location.leading_comments().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

fn paragraph(comment: &str, start: &str) -> Option<String> {
    let lines = comment.lines().skip_while(|line| !line.starts_with(start));
    let text: Vec<_> = lines.take_while(|line| !line.is_empty() && !line.starts_with("Fails with")).collect();
    (!text.is_empty()).then(|| text.join(" ").trim_start_matches(start).trim_end_matches('.').replace('|', "\\|"))
}

fn assert_section(name: &str, expected: &str) {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let section = README.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(section, _)| section.trim());
    assert_eq!(section, Some(expected.trim()), "README.md, between {begin} and {end}, must be:\n{expected}");
}
