//! The engine, driven with verbs of the tests' own.

mod commit;
mod opening;
mod recount;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Failure, OpenError, Options, SledEngine};
use crate::model::ids::StoreId;
use crate::store::Result;
use crate::store::kv::engine::{Engine, Job, Reads, View};
use crate::store::kv::tx::Tx;

const ID: StoreId = StoreId::from_bytes([7; 16]);

fn options(directory: &Path) -> Options {
    Options::new(directory.to_owned(), ID)
}

fn try_open(directory: &Path) -> std::result::Result<(SledEngine, Failure), OpenError> {
    open_with(&options(directory))
}

fn open_with(options: &Options) -> std::result::Result<(SledEngine, Failure), OpenError> {
    SledEngine::open(options, Arc::default(), |_| Ok(Vec::new()))
}

fn open(directory: &Path) -> SledEngine {
    try_open(directory).unwrap().0
}

/// A verb that is run once.
struct Once<T, V> {
    verb: Option<V>,
    value: Option<T>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, V: FnOnce(&mut Tx<'_>) -> T + Send> Job for Once<T, V> {
    fn run(&mut self, tx: &mut Tx<'_>) {
        self.value = Some(self.verb.take().unwrap()(tx));
    }

    fn answer(self: Box<Self>, durable: Result<()>) {
        let Self { value, answer, .. } = *self;
        drop(answer.send(durable.map(|()| value.unwrap())));
    }
}

/// A job that runs `verb` and answers its value when it is durable.
fn job<T: Send + 'static>(verb: impl FnOnce(&mut Tx<'_>) -> T + Send + 'static) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>) {
    let (answer, answered) = oneshot::channel();
    (Box::new(Once { verb: Some(verb), value: None, answer }), answered)
}

/// What is applied.
fn view(engine: &SledEngine) -> &dyn View {
    match engine.reads() {
        Reads::Near(view) => view,
        Reads::Far(_) => panic!("sled is near"),
    }
}

async fn run<T: Send + 'static>(engine: &SledEngine, verb: impl FnOnce(&mut Tx<'_>) -> T + Send + 'static) -> Result<T> {
    let (job, answered) = job(verb);
    engine.submit(job)?;
    answered.await.unwrap()
}

fn put(key: &str, value: &str) -> impl FnOnce(&mut Tx<'_>) + Send + 'static + use<> {
    let (key, value) = (key.as_bytes().to_vec(), value.as_bytes().to_vec());
    move |tx| {
        tx.put(key, value);
        tx.keep();
    }
}

fn text(view: &dyn View, key: &str) -> Option<String> {
    view.read(key.as_bytes()).unwrap().map(|value| String::from_utf8(value).unwrap())
}

/// How many commits the identity file of a closed store tells of.
fn commits(directory: &Path) -> u64 {
    super::identity::Identity::read(&directory.join("countersign.store")).unwrap().commits
}
