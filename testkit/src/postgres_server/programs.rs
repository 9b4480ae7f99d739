//! Finds PostgreSQL's programs on this machine. Shared by the tests' server and by `cargo xtask test`.

use std::path::{Path, PathBuf};

/// The environment variable that names the folder of the programs.
pub const VARIABLE: &str = "KVS_POSTGRES_BIN";

/// The programs that a server needs: to create its data folder, to run it, to talk to it.
const PROGRAMS: [&str; 3] = ["initdb", "postgres", "psql"];

/// Where packages put a folder for each version of PostgreSQL: the parent folder, the prefix of the version's folder,
/// and the path from there to the programs.
const PACKAGES: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),                          // Debian
    ("/usr", "pgsql-", "bin"),                                   // the PostgreSQL project's own packages for Fedora
    ("/opt/homebrew/opt", "postgresql@", "bin"),                 // macOS on ARM
    ("/usr/local/opt", "postgresql@", "bin"),                    // macOS on x86
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // macOS
];

/// The folder of the programs: the one named by the environment, otherwise the first one in PATH, otherwise the newest
/// installed version. The error says where it looked.
pub fn find() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let folder = PathBuf::from(named);
        return match complete(&folder) {
            true => Ok(folder),
            false => Err(format!("{VARIABLE} is {}, which lacks one of {PROGRAMS:?}", folder.display())),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).filter_map(|folder| {
        // A symbolic link leads to the folder of its version, where the other programs have the same version. Debian's
        // /usr/bin/psql is not psql but a script that selects one.
        let initdb = folder.join(PROGRAMS[0]).canonicalize().ok()?;
        initdb.parent().map(Path::to_path_buf)
    });
    let found = in_path.chain(PACKAGES.iter().flat_map(versions)).find(|folder| complete(folder));
    found.ok_or_else(|| format!("none of {VARIABLE}, PATH and the usual places holds all of {PROGRAMS:?}"))
}

fn complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|program| folder.join(program).is_file())
}

/// The program folders of all installed versions, the newest first.
fn versions(&(above, begin, programs): &(&str, &str, &str)) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(above).into_iter().flatten().flatten();
    let mut versions: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            // Up to PostgreSQL 9, versions had two numbers.
            let numbers = name.strip_prefix(begin)?.split('.').map(|number| number.parse().ok());
            Some((numbers.collect::<Option<_>>()?, entry.path().join(programs)))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}
