//! Rules that no other tool checks. Each broken one is reported with what to do about it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines: beyond it a file is hardly one room with one purpose.
const MAX_LINES: usize = 600;

/// What each crate of the workspace may depend on: the edges of ARCHITECTURE.md, and no others.
const EDGES: [(&str, &[&str]); 8] = [
    ("proto", &[]),
    ("engine", &["proto"]),
    ("txnd", &["proto"]),
    ("gateway", &["engine", "proto", "txnd"]),
    ("client", &["proto"]),
    ("loadtest", &["client", "proto"]),
    ("bench", &["engine", "proto", "txnd"]),
    ("xtask", &[]),
];

/// Checks every rule; the error lists what is broken.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut broken = Vec::new();
    edges(root, &mut broken)?;
    for file in tracked_files(root)? {
        if file.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(root.join(&file)).unwrap_or_default();
            let lines = text.lines().count();
            if lines > MAX_LINES {
                broken.push(format!("{}: {lines} lines, at most {MAX_LINES}; split it by purpose", file.display()));
            }
        }
        if file.extension().is_some_and(|extension| extension == "pem" || extension == "key") {
            broken.push(format!("{}: no key or certificate is committed", file.display()));
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(format!("the project's own rules:\n  {}", broken.join("\n  "))),
    }
}

fn edges(root: &Path, broken: &mut Vec<String>) -> Result<(), String> {
    let manifests = std::fs::read_dir(root.join("crates")).map_err(|e| format!("crates: {e}"))?;
    let folders = manifests.flatten().map(|entry| entry.path()).chain([root.join("xtask")]);
    for folder in folders {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
            broken.push(format!("{name}: a crate that the list of edges in xtask/src/tidy.rs does not know"));
            continue;
        };
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).map_err(|e| format!("{name}: {e}"))?;
        for (other, _) in EDGES {
            let depends = manifest.lines().any(|line| {
                line.strip_prefix(other).is_some_and(|rest| rest.starts_with(".workspace") || rest.starts_with(" = {"))
            });
            if depends && !allowed.contains(&other) {
                broken.push(format!("{name} must not depend on {other}: see the edges in ARCHITECTURE.md"));
            }
        }
    }
    Ok(())
}

fn tracked_files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root).output();
    match listed {
        Ok(listed) if listed.status.success() => {
            Ok(String::from_utf8_lossy(&listed.stdout).lines().map(PathBuf::from).collect())
        }
        // Without git, as in an unpacked archive, there is nothing that is tracked.
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_keeps_its_own_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert_eq!(check(root), Ok(()));
    }
}
