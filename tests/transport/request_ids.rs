//! The name of a call, in `x-request-id`: who is told it, and whose word for it counts.

use countersign::edge::EdgeSettings;
use countersign::net::Limits;
use http::Request;
use tonic::Code;

use crate::support::{Answer, CHECK, PANIC, SOURCE, Server, WATCH, framed, grpc_request};

fn id(answer: &Answer) -> Option<&str> {
    let mut ids = answer.headers.get_all("x-request-id").iter();
    let id = ids.next().map(|id| id.to_str().unwrap());
    assert!(ids.next().is_none(), "{answer:?}");
    id
}

fn is_ours(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn trusting(networks: &str) -> Server {
    let settings = EdgeSettings { trusted_proxies: networks.parse().unwrap(), ..EdgeSettings::default() };
    Server::start_with(Limits::default(), settings, None).await
}

#[tokio::test]
async fn refusals_carry_it_and_what_went_well_does_not() {
    let server = trusting("").await;
    let client = server.h2().await;
    let mut seen = Vec::new();
    for path in [PANIC, "/grpc.health.v1.Health/Nothing", "/nobody.v1.Nothing/Do"] {
        let answered = client.call(path).await.unwrap();
        assert_ne!(answered.status().code(), Code::Ok);
        seen.push(id(&answered).unwrap().to_owned());
    }
    for (path, timeout) in [(CHECK, "soon"), (WATCH, "50m")] {
        let mut request = grpc_request(path);
        request.headers_mut().insert("grpc-timeout", timeout.parse().unwrap());
        let answered = client.send(request, framed(b"")).await.unwrap();
        assert_ne!(answered.status().code(), Code::Ok);
        seen.push(id(&answered).unwrap().to_owned());
    }
    assert!(seen.iter().all(|id| is_ours(id)), "{seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5, "each call has its own");
    for path in [CHECK, SOURCE] {
        let answered = client.call(path).await.unwrap();
        assert_eq!((answered.status().code(), id(&answered)), (Code::Ok, None));
    }
}

#[tokio::test]
async fn every_answer_over_plain_http_carries_it() {
    let server = trusting("").await;
    let request = Request::get("http://localhost/nowhere").body(()).unwrap();
    let answered = server.h2().await.send(request, "".into()).await.unwrap();
    assert_eq!(answered.http, 404);
    assert!(is_ours(id(&answered).unwrap()));
}

#[tokio::test]
async fn only_a_trusted_proxy_gives_one() {
    for (networks, given, kept) in
        [("", "proxy.7-a_b", false), ("127.0.0.0/8", "proxy.7-a_b", true), ("127.0.0.0/8", "no spaces", false)]
    {
        let server = trusting(networks).await;
        let mut request = grpc_request(PANIC);
        request.headers_mut().insert("x-request-id", given.parse().unwrap());
        let answered = server.h2().await.send(request, framed(b"")).await.unwrap();
        let told = id(&answered).unwrap();
        assert!(if kept { told == given } else { is_ours(told) }, "{networks} {given}: {told}");
    }
}
