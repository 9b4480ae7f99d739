//! Rules that no other tool checks. Each broken one is reported with what to do about it.
//!
//! ```text
//!   mod.rs      the list of rules; sizes of files, keys
//!   edges.rs    what each crate may depend on
//!   imports.rs  no circle between the files of a crate, one path for each public item
//! ```

mod edges;
mod imports;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines: beyond it a file is hardly one room with one purpose.
const MAX_LINES: usize = 600;

/// Checks every rule; the error lists what is broken.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut broken = Vec::new();
    edges::check(root, &mut broken)?;
    imports::check(root, &mut broken)?;
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
