//! Which crates each crate of the workspace may depend on.

use std::path::Path;

use crate::cargo;

/// The dependencies in ARCHITECTURE.md, and no others.
const EDGES: [(&str, &[&str]); 11] = [
    ("proto", &[]),
    ("engine", &["proto"]),
    ("txnd", &["proto"]),
    ("gateway", &["engine", "proto", "txnd"]),
    ("client", &["proto"]),
    ("cli", &["client"]),
    ("loadtest", &["client", "proto"]),
    ("bench", &["engine", "proto", "txnd"]),
    (TESTKIT, &["proto", "txnd"]),
    ("fuzz", &["gateway", "proto", "txnd"]),
    ("xtask", &[]),
];

/// The crate shared by tests. Every crate may depend on it for its tests, and only for them.
const TESTKIT: &str = "testkit";

pub(super) fn check(root: &Path, broken: &mut Vec<String>) -> Result<(), String> {
    let metadata = cargo().args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).output();
    let metadata = metadata.map_err(|e| format!("cargo metadata: {e}"))?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).map_err(|e| format!("cargo metadata in {}: {e}", root.display()))?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
            broken.push(format!("{name}: a crate that the list of edges in xtask/src/tidy/edges.rs does not know"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"] == "dev";
            let is_ours = EDGES.iter().any(|(known, _)| *known == other);
            if is_ours && !allowed.contains(&other) && !(other == TESTKIT && for_tests) {
                broken.push(format!("{name} must not depend on {other}: see the edges in ARCHITECTURE.md"));
            }
        }
    }
    Ok(())
}
