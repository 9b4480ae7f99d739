//! Data folders as `initdb` creates them. `initdb` takes a second of CPU time, so it runs once per build folder and
//! version of PostgreSQL, and every server starts from a copy.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{PASSWORD, USER, output, program};

/// The temporary folder in the build folder, which is kept between runs: `target/tmp` for a test at
/// `target/debug/deps/…`.
fn kept() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own program");
    test.ancestors().nth(3).expect("a test lies in a build folder").join("tmp")
}

/// Must change whenever data folders are created differently.
const FORM: u32 = 1;

/// The user that runs the server: PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    /// User and group to change to, or none for the user that runs the tests.
    other: Option<(u32, u32)>,
}

impl Account {
    /// The user that runs the tests; if that is root, `postgres` or else `nobody`.
    fn new() -> Self {
        let other = (id(&["-u"]) == Some(0)).then(|| {
            let account = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
            let known = ["postgres", "nobody"].into_iter().find_map(account);
            known.expect("one of the users postgres and nobody, because root may not run PostgreSQL")
        });
        Self { other }
    }

    /// Makes `command` run as this user, in `folder`.
    pub(super) fn runs(self, command: &mut Command, folder: &Path) {
        command.current_dir(folder);
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
    }

    /// Makes this user the owner of a file or folder.
    fn owns(self, path: &Path) {
        if let Some((user, group)) = self.other {
            chown(path, Some(user), Some(group)).unwrap_or_else(|e| panic!("chown {}: {e}", path.display()));
        }
    }
}

/// A number that `id` prints; none if it does not know the user.
fn id(args: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(args).output().expect("id can be executed");
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A server's private folder, with a data folder `data` in it.
pub(super) fn new_folder(programs: &Path) -> (TempDir, Account) {
    let account = Account::new();
    let folder = folder_of(account);
    copy(&template(programs, account), &folder.path().join("data"), &|path| account.owns(path));
    (folder, account)
}

/// A temporary folder outside the build folder, which another user may not be able to reach.
pub(super) fn folder_of(account: Account) -> TempDir {
    let folder = tempfile::Builder::new().prefix("kvs-postgres-").tempdir().expect("a temporary folder");
    account.owns(folder.path());
    folder
}

/// The data folder that is copied.
fn template(programs: &Path, account: Account) -> PathBuf {
    let version = output(program(programs, "postgres").arg("--version")).expect("postgres can say its version");
    let version = version.split(' ').nth(2).expect("the words before it are: postgres (PostgreSQL)");
    let kept = kept();
    let template = kept.join(format!("postgres-{version}-{FORM}"));
    if template.exists() {
        return template;
    }
    let made = folder_of(account);
    let password = made.path().join("password");
    File::create(&password).and_then(|mut file| writeln!(file, "{PASSWORD}")).expect("the password is written");
    account.owns(&password);
    let mut initdb = program(programs, "initdb");
    initdb.args(["--username", USER, "--pwfile"]).arg(&password);
    initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]);
    account.runs(initdb.arg("--pgdata").arg(made.path().join("data")), made.path());
    output(&mut initdb).unwrap_or_else(|e| panic!("{initdb:?}: {e}"));

    // Other test processes may be doing the same. One of them wins, and none sees an incomplete template. It is synced,
    // so that it survives a power failure right after.
    fs::create_dir_all(&kept).expect("a folder for what is kept");
    let staged = tempfile::tempdir_in(&kept).expect("a folder beside the template");
    let data = staged.path().join("data");
    copy(&made.path().join("data"), &data, &|path| {
        File::open(path).and_then(|file| file.sync_all()).unwrap_or_else(|e| panic!("sync {}: {e}", path.display()));
    });
    if let Err(e) = fs::rename(&data, &template) {
        assert!(template.exists(), "{}: {e}", template.display());
    }
    template
}

/// Copies a folder with its permissions, and calls `made` for every file and folder of the copy.
fn copy(from: &Path, to: &Path, made: &dyn Fn(&Path)) {
    let copied = || -> std::io::Result<()> {
        fs::create_dir(to)?;
        fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                copy(&entry.path(), &to, made);
            } else {
                fs::copy(entry.path(), &to)?;
                made(&to);
            }
        }
        made(to);
        Ok(())
    };
    copied().unwrap_or_else(|e| panic!("{} to {}: {e}", from.display(), to.display()));
}
