//! The Python client: types, style, tests against a running kvs, and the packages.

use std::path::PathBuf;

use crate::servers;
use crate::venv::Venv;
use crate::{Failed, root, step};

/// Where it is.
fn folder() -> PathBuf {
    root().join("python")
}

/// Tests the client after the Rust tests, which have built kvs, if that is possible here: it needs python3 with venv, and PyPI.
pub(crate) fn run_if_possible() -> Result<(), Failed> {
    match installed() {
        Ok(venv) => check(&venv),
        Err(Failed(what)) => {
            eprintln!("xtask: no python3 with venv, or no PyPI ({what}): the Python client is not tested");
            Ok(())
        }
    }
}

/// Tests the client.
pub(crate) fn run() -> Result<(), Failed> {
    servers::build()?;
    check(&installed()?)
}

fn installed() -> Result<Venv, Failed> {
    let venv = Venv::named("python")?;
    venv.install(&["--editable", "python[dev]"])?;
    Ok(venv)
}

/// Tests the client with the kvs that was built last.
fn check(venv: &Venv) -> Result<(), Failed> {
    let run = |program: &str, args: &[&str]| {
        let mut command = venv.command(program);
        step(command.current_dir(folder()).args(args).env("KVS_BIN", servers::built("kvs")))
    };
    run("ruff", &["check", "--no-cache", "."])?;
    run("ruff", &["format", "--no-cache", "--check", "."])?;
    run("mypy", &["--cache-dir", "/dev/null"])?;
    run("pytest", &["-p", "no:cacheprovider", "--quiet"])?;
    let packages = venv.folder().join("dist").display().to_string();
    run("python", &["-m", "build", "--no-isolation", "--outdir", &packages])
}
