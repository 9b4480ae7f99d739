//! Compiles the service's definition, for which no `protoc` is needed, and lists the migrations.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// Folder of the definitions, from this crate's folder.
const ROOT: &str = "../proto";

/// The definition, from [`ROOT`].
const SERVICE: &str = "txn/v1/txn.proto";

/// Folder of the migrations, from this crate's folder.
const MIGRATIONS: &str = "../migrations";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}/{SERVICE}");
    let definitions = protox::compile([SERVICE], [ROOT])?;
    // A batch is taken out of a message without being copied.
    tonic_prost_build::configure().bytes(".").compile_fds(definitions)?;
    list_migrations()
}

/// Writes `migrations.rs`: version, description and SQL of every file such as `0002_group_ends.sql`, in their order. The macro of
/// sqlx would do the same, and have all of the library compiled twice.
fn list_migrations() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={MIGRATIONS}");
    let mut list = Vec::new();
    for file in fs::read_dir(MIGRATIONS)? {
        let path = file?.path().canonicalize()?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name that is not UTF-8")?;
        let (version, description) = name
            .strip_suffix(".sql")
            .and_then(|stem| stem.split_once('_'))
            .ok_or_else(|| format!("{name}: a name such as 0002_group_ends.sql is expected"))?;
        let version: i64 = version.parse().map_err(|e| format!("{name}: {e}"))?;
        list.push((version, format!("({version}, {:?}, include_str!({path:?}))", description.replace('_', " "))));
    }
    list.sort();
    let list: Vec<String> = list.into_iter().map(|(_, entry)| entry).collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("migrations.rs"), format!("[{}]", list.join(", ")))?;
    Ok(())
}
