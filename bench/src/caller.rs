//! One call at a time, waited for.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use prost::Message;

use crate::calls::Prepared;
use crate::connection::Connection;
use crate::drive::{DRAIN, code_name, wait};
use crate::error::{BenchError, Result};

/// A connection for calls of one rpc, one after the other.
pub(crate) struct Caller {
    address: SocketAddr,
    path: &'static str,
    connection: Connection,
}

/// How a call was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// The gRPC code; 0 is OK.
    pub(crate) code: u32,
    /// What it says about itself where it is not OK.
    pub(crate) detail: String,
    /// The message.
    pub(crate) message: Vec<u8>,
}

impl Caller {
    /// Connects.
    ///
    /// # Errors
    /// [`BenchError::Unreachable`], [`BenchError::NotOurs`].
    pub(crate) fn open(address: SocketAddr, path: &'static str) -> Result<Self> {
        Ok(Self { address, path, connection: Connection::open(address, path)? })
    }

    /// Calls and waits for the answer, whatever it is.
    ///
    /// # Errors
    /// [`BenchError::Died`], [`BenchError::Silent`].
    pub(crate) fn call(&mut self, request: &Prepared) -> Result<Answered> {
        let mut answer = None;
        let begin = Instant::now();
        self.connection.call(0, begin, &request.authorization, &request.message);
        while answer.is_none() && begin.elapsed() < DRAIN {
            self.connection.flush()?;
            wait([&self.connection], Duration::from_millis(100))?;
            self.connection.receive(|got| {
                answer = Some(Answered { code: got.code, detail: got.detail.to_owned(), message: got.message.to_vec() });
            })?;
        }
        answer.ok_or(BenchError::Silent { address: self.address, waiting: 1, seconds: DRAIN.as_secs() })
    }

    /// Calls and takes the message of an answer that is OK.
    ///
    /// # Errors
    /// [`BenchError::Refused`], and those of [`call`](Self::call).
    pub(crate) fn ask<A: Message + Default>(&mut self, request: &Prepared) -> Result<A> {
        let Answered { code, detail, message } = self.call(request)?;
        let refused = |detail: String| BenchError::Refused { call: self.path.to_owned(), detail };
        if code != 0 {
            return Err(refused(format!("{} {detail}", code_name(code))));
        }
        A::decode(&*message).map_err(|error| refused(format!("its answer does not decode: {error}")))
    }
}
