//! Requests made from the descriptions of REST v1 and v2: schemathesis (PyPI) against a running kvs. It finds where server and
//! description differ, and requests that the server does not survive.

use std::process::Command;

use crate::servers::{self, Server};
use crate::venv::Venv;
use crate::{Failed, step};

/// The version that is installed. Others may check other things.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// A schema cannot say of a condition whether it holds, so 412 may be the answer to anything that has one. Nor what is a
/// cursor, which value belongs to which operation of a batch, or which idempotency key was used before.
const SETTINGS: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "429", "5xx"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429", "5xx"]
[[operations]]
include-path-regex = "^/v2/(keys|batch|[a-z]+)$"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "404", "409", "410", "412", "422", "429", "5xx"]
[[operations]]
include-path-regex = "^/v2/[a-z]+/"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429", "5xx"]
"#;

/// Where the server describes itself.
const DESCRIPTIONS: [&str; 2] = ["/openapi.json", "/v2/openapi.json"];

/// Installs schemathesis below `target`, starts a kvs, and makes `examples` requests for each operation and kind of case.
pub(crate) fn run(examples: u32, seed: Option<u64>) -> Result<(), Failed> {
    let venv = Venv::named("schemathesis")?;
    venv.install(&[SCHEMATHESIS])?;
    let settings = venv.folder().join("schemathesis.toml");
    std::fs::write(&settings, SETTINGS).map_err(|e| format!("{}: {e}", settings.display()))?;
    servers::build()?;
    let (_kvs, addr) = start()?;
    for description in DESCRIPTIONS {
        let mut test = venv.command("st");
        test.current_dir(venv.folder()).args(["run", &format!("http://{addr}{description}")]);
        test.args(["--max-examples", &examples.to_string()]);
        if let Some(seed) = seed {
            test.args(["--seed", &seed.to_string()]);
        }
        step(&mut test)?;
    }
    Ok(())
}

/// A kvs, and its address.
fn start() -> Result<(Server, String), Failed> {
    let mut command = Command::new(servers::built("kvs"));
    command.args(["--log", "off", "--http-addr", "127.0.0.1:0", "--frame-addr", "127.0.0.1:0", "--admin-addr", "off"]);
    command.args(["--trace-format", "json"]);
    let (kvs, [addr]) = servers::start(&mut command, ["\"http_addr\":\""])?;
    Ok((kvs, addr))
}
