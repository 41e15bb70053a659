//! The real OpenID provider of `tests/provider`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// It loads hundreds of files before it speaks, beside whatever else the machine does; what hangs is still told before the
/// runner's five minutes are over.
const SPEAKS: Duration = Duration::from_mins(2);

/// Our client secret there.
pub(crate) const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The running provider; killed when dropped, and ends with its standard input.
pub(crate) struct NodeProvider {
    pub(crate) issuer: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl NodeProvider {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts it with these variables in its environment.
    pub(crate) async fn start_with(variables: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provider");
        assert!(folder.join("node_modules").is_dir(), "tests/provider is not installed: run `tools/install provider`");
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node.js 20 or later is needed");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut provider = Self { issuer: String::new(), input, output: BufReader::new(output).lines(), child };
        let line = provider.line().await;
        provider.issuer.push_str(line.strip_prefix("listening on ").unwrap());
        provider
    }

    /// Registers us there.
    pub(crate) async fn register(&mut self, client_id: &str, redirect_uri: &str, algorithm: &str) {
        let client = json!({
            "client_id": client_id,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": redirect_uri,
            "id_token_signed_response_alg": algorithm,
        });
        self.input.write_all(format!("{client}\n").as_bytes()).await.unwrap();
        assert_eq!(self.line().await, format!("client {client_id} ready"));
    }

    async fn line(&mut self) -> String {
        let Ok(line) = timeout(SPEAKS, self.output.next_line()).await else {
            let process = self.child.id().map(|id| std::fs::read_to_string(format!("/proc/{id}/stat")));
            panic!("the provider says nothing: {process:?}");
        };
        line.unwrap().expect("the provider ended")
    }
}
