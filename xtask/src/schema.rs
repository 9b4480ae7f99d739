//! Requests made from the description of REST v1: schemathesis (PyPI) against a running kvs. It finds where server and
//! description differ, and requests that the server does not survive.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::{Failed, cargo, root, step};

/// The version that is installed. Others may check other things.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Killed when dropped.
struct Kvs(Child);

impl Drop for Kvs {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Installs schemathesis below `target`, starts a kvs, and makes `examples` requests for each operation and kind of case.
pub(crate) fn run(examples: u32, seed: Option<u64>) -> Result<(), Failed> {
    let folder = root().join("target/schemathesis");
    if !folder.join("bin/st").exists() {
        step(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    step(Command::new(folder.join("bin/pip")).args(["install", "--quiet", SCHEMATHESIS]))?;
    step(cargo().args(["build", "--package", "gateway", "--bin", "kvs"]))?;
    let (_kvs, addr) = start()?;
    let mut test = Command::new(folder.join("bin/st"));
    test.current_dir(&folder).args(["run", &format!("http://{addr}/openapi.json")]);
    test.args(["--max-examples", &examples.to_string()]);
    if let Some(seed) = seed {
        test.args(["--seed", &seed.to_string()]);
    }
    step(&mut test)
}

/// A kvs with debug assertions and overflow checks, and its address.
fn start() -> Result<(Kvs, String), Failed> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let mut command = Command::new(Path::new(&target).join("debug/kvs"));
    command.args(["--log", "off", "--http-addr", "127.0.0.1:0", "--frame-addr", "127.0.0.1:0", "--admin-addr", "off"]);
    command.args(["--trace-format", "json"]).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut kvs = Kvs(command.spawn().map_err(|e| format!("{command:?}: {e}"))?);
    let Some(stderr) = kvs.0.stderr.take() else { return Err(Failed("kvs has no standard error".into())) };
    let mut lines = BufReader::new(stderr).lines();
    let mut said = String::new();
    for line in lines.by_ref().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once("\"http_addr\":\"")
            && let Some((addr, _)) = rest.split_once('"')
        {
            let addr = addr.to_string();
            // kvs must never wait for somebody to read its diagnostics.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok((kvs, addr));
        }
        said.push_str(&line);
    }
    Err(Failed(format!("kvs did not start: {said}")))
}
