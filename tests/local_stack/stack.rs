//! One local stack of the test's own: on ports and in a folder that nobody else uses.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{Folder, client, free_row, root};

/// How many ports in a row a stack takes.
const PORTS: u16 = 12;

pub(crate) struct Stack {
    folder: Folder,
    first_port: u16,
}

impl Stack {
    pub(crate) fn new() -> Result<Stack> {
        Ok(Stack { folder: Folder::new()?, first_port: free_row(PORTS) })
    }

    pub(crate) fn workload_port(&self) -> u16 {
        self.first_port + 2
    }

    /// Runs `deploy/local/up`, and gives what it said on standard error.
    pub(crate) fn up(&mut self, arguments: &[&str]) -> Result<String> {
        self.script("up", arguments)
    }

    /// Runs `deploy/local/down`.
    pub(crate) fn down(&mut self) -> Result<String> {
        self.script("down", &[])
    }

    /// `stack.json`.
    pub(crate) fn file(&self) -> Value {
        let text = std::fs::read(self.path("stack.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// A file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a login gets at a path of the gateway: by password and by token, which must be the same but for its numbers.
    pub(crate) async fn ask(&self, login: &str, path: &str) -> Value {
        let file = self.file();
        let authority = std::fs::read_to_string(root().join(file["ca"].as_str().unwrap())).unwrap();
        let url = format!("{}{path}", file["gateway"].as_str().unwrap());
        let (password, token) = (&file["logins"][login]["password"], &file["logins"][login]["token"]);
        let client = client::trusting(&authority).unwrap();
        let by_password = client.get(&url).basic_auth(login, password.as_str());
        let by_token = client.get(&url).bearer_auth(token.as_str().unwrap());
        let mut answers = Vec::new();
        for request in [by_password, by_token] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "{login} at {path}");
            answers.push(serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).unwrap());
        }
        answers.remove(1)
    }

    fn script(&self, script: &str, arguments: &[&str]) -> Result<String> {
        let ended = Command::new(root().join("deploy/local").join(script))
            .args(arguments)
            .env("BARTIZAN_PORT_BASE", self.first_port.to_string())
            .env("BARTIZAN_LOCAL_DIR", self.folder.path())
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("deploy/local/{script} cannot be run"))?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        if !ended.status.success() {
            bail!("deploy/local/{script} ended with {}\n{said}", ended.status);
        }
        Ok(said)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Err(error) = self.down() {
            eprintln!("{error:#}");
        }
    }
}
