//! PostgreSQL for the tests: only its programs. The tests run servers of their own, on free ports.

#[path = "../../testkit/src/postgres_server/programs.rs"]
#[allow(unreachable_pub)] // Public in `testkit`, whose file it is.
mod programs;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Failed, step};

pub(crate) use programs::VARIABLE;

/// How each package manager, identified by its program, installs the server without starting one.
const INSTALLATIONS: [(&str, &str); 2] = [("apt-get", DEBIAN), ("dnf", "dnf install -y postgresql-server")];

/// Debian's package creates a database cluster and starts it at boot, unless its configuration says otherwise when the
/// package is installed.
const DEBIAN: &str = r#"
set -e
no_cluster=/etc/postgresql-common/createcluster.d/kvs-tests.conf
mkdir -p "${no_cluster%/*}"
trap 'rm -f "$no_cluster"' EXIT
echo 'create_main_cluster = false' > "$no_cluster"
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends postgresql
"#;

/// The folder of PostgreSQL's programs, which are installed first if missing.
pub(crate) fn programs() -> Result<PathBuf, Failed> {
    let missing = match programs::find() {
        Ok(folder) => return Ok(folder),
        Err(wrong) if std::env::var_os(VARIABLE).is_some() => return Err(Failed(wrong)),
        Err(missing) => missing,
    };
    eprintln!("xtask: the tests need PostgreSQL's server: {missing}");
    let script = INSTALLATIONS.iter().find(|(manager, _)| succeeds(Command::new(manager).arg("--version")));
    let (Some((_, script)), Some(mut root)) = (script, as_root()) else {
        return Err(Failed(format!(
            "PostgreSQL's server is missing and cannot be installed from here. Install the package postgresql (Debian, \
             Ubuntu), postgresql-server (Fedora) or postgresql@18 (Homebrew); or set {VARIABLE} to the folder of initdb"
        )));
    };
    step(root.args(["sh", "-c", script]))?;
    programs::find().map_err(|e| Failed(format!("PostgreSQL was installed, but {e}")))
}

/// A command that runs its arguments as root without a password, if there is one.
fn as_root() -> Option<Command> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout == b"0\n" {
        return Some(Command::new("env"));
    }
    let sudo = || {
        let mut sudo = Command::new("sudo");
        sudo.arg("--non-interactive");
        sudo
    };
    succeeds(sudo().arg("true")).then(sudo)
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
