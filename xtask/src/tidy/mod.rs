//! Rules that no other tool checks. Each violation is reported with how to fix it.
//!
//! ```text
//!   mod.rs      the list of rules; file sizes, keys
//!   edges.rs    which crates each crate may depend on
//!   imports.rs  no import cycles between the files of a crate, one path for each public item
//!   links.rs    links in Markdown files lead to something that exists
//! ```

mod edges;
mod imports;
mod links;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Maximum length of a source file, in lines. A longer file hardly has a single purpose.
const MAX_LINES: usize = 600;

/// Checks every rule; the error lists the violations.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut broken = Vec::new();
    edges::check(root, &mut broken)?;
    imports::check(root, &mut broken)?;
    let files = tracked_files(root)?;
    links::check(root, &files, &mut broken);
    for file in files {
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
        // Without git, as in an unpacked archive, nothing is tracked.
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

    #[test]
    fn ci_tests_the_oldest_rust_that_is_promised() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let workflow = std::fs::read_to_string(root.join(".github/workflows/ci.yml")).unwrap();
        let expected = format!("rust: [\"stable\", \"{}\"]", env!("CARGO_PKG_RUST_VERSION"));
        assert!(workflow.contains(&expected), "expected `{expected}` in .github/workflows/ci.yml");
    }

    #[test]
    fn ci_runs_no_action_but_those_of_its_host_each_with_a_version() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let workflow = std::fs::read_to_string(root.join(".github/workflows/ci.yml")).unwrap();
        let actions: Vec<&str> =
            workflow.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, it)| it).collect();
        assert!(!actions.is_empty());
        for action in actions {
            let pinned = action.split_once("@v").is_some_and(|(_, version)| version.split('.').count() == 3);
            assert!(action.starts_with("actions/") && pinned, "{action}");
        }
    }
}
