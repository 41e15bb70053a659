//! Calls with bytes of the test's own, on every rpc that the contract has.

use bytes::{Buf as _, BufMut as _};
use countersign::grpc::pb::DESCRIPTOR_SET;
use http::uri::PathAndQuery;
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::harness::with_bearer;

/// An rpc, and the fields of what it takes.
#[derive(Clone, Debug)]
pub(crate) struct Rpc {
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) fields: Vec<FieldDescriptorProto>,
}

impl Rpc {
    pub(crate) fn path(&self) -> String {
        format!("/countersign.v1.{}", self.name())
    }

    /// `Service/Method`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.service, self.method)
    }
}

/// Every rpc of the contract.
pub(crate) fn rpcs() -> Vec<Rpc> {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    let ours = || set.file.iter().filter(|file| file.package() == "countersign.v1");
    let message = |name: &str| -> &DescriptorProto {
        let name = name.trim_start_matches(".countersign.v1.");
        ours().flat_map(|file| &file.message_type).find(|message| message.name() == name).unwrap()
    };
    ours()
        .flat_map(|file| &file.service)
        .flat_map(|service| service.method.iter().map(move |method| (service, method)))
        .map(|(service, method)| Rpc {
            service: service.name().to_owned(),
            method: method.name().to_owned(),
            fields: message(method.input_type()).field.clone(),
        })
        .collect()
}

/// Calls an rpc with these bytes as its message; as the bearer of a token where one is given.
pub(crate) async fn call(channel: &Channel, path: &str, message: Vec<u8>, token: Option<&str>) -> Result<Vec<u8>, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let request = Request::new(message);
    let request = match token {
        Some(token) => with_bearer(request, token),
        None => request,
    };
    // Of a stream the first message is enough; a call with one answer has no other.
    let mut answers = grpc.server_streaming(request, PathAndQuery::try_from(path).unwrap(), Raw).await?.into_inner();
    Ok(answers.message().await?.unwrap_or_default())
}

/// A message with one field of that many bytes.
pub(crate) fn length_delimited(number: i32, content: &[u8]) -> Vec<u8> {
    let mut message = varint((u64::try_from(number).unwrap() << 3) | 2);
    message.extend(varint(u64::try_from(content.len()).unwrap()));
    message.extend(content);
    message
}

/// A message with one field of that number.
pub(crate) fn number(field: i32, value: i64) -> Vec<u8> {
    let mut message = varint(u64::try_from(field).unwrap() << 3);
    message.extend(varint(value.cast_unsigned()));
    message
}

/// Messages in which that field has values at and past every edge.
pub(crate) fn odd_values(field: &FieldDescriptorProto) -> Vec<Vec<u8>> {
    let at = field.number();
    match field.r#type() {
        Type::String => {
            let texts = ["\0", "a\0b", "a\nb", "\u{202e}", "' OR 1=1 --", "../../etc/passwd", "%s%n", "", "é\u{301}", " admin "];
            let mut messages: Vec<_> = texts.iter().map(|text| length_delimited(at, text.as_bytes())).collect();
            messages.extend([300, 9000, 60_000].map(|long| length_delimited(at, "a".repeat(long).as_bytes())));
            messages.push(length_delimited(at, &[0xff, 0xfe]));
            messages.push(length_delimited(at, "csr_AAAA".as_bytes()).repeat(500));
            messages
        }
        Type::Enum | Type::Int32 | Type::Int64 | Type::Bool => {
            [-1, 77, i64::from(i32::MAX), i64::MIN, i64::MAX].map(|value| number(at, value)).to_vec()
        }
        // Duration, Timestamp and FieldMask: their parts are two numbers, or texts.
        Type::Message => {
            let parts = |first: i64, second: i64| [number(1, first), number(2, second)].concat();
            [parts(-1, 0), parts(0, -1), parts(i64::MIN, i64::from(i32::MIN)), parts(i64::MAX, i64::from(i32::MAX)), vec![0xff]]
                .map(|content| length_delimited(at, &content))
                .to_vec()
        }
        other => panic!("{}: no odd values for {other:?}", field.name()),
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The bytes as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
