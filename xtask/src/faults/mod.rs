//! Faults on purpose: the long runs of tests that CI makes in short, and defects that are planted to see whether the tests
//! notice them.
//!
//! ```text
//!   defects.rs   the defects, each with the test that must notice it
//! ```

mod defects;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use defects::{DEFECTS, Defect, Edit, Test};

use crate::{Failed, cargo, postgres, root};

/// Names the defect that is in effect.
const VARIABLE: &str = "KVS_DEFECT";

/// How long a test may take that is to notice a defect. One that hangs has noticed it, too.
const PATIENCE: Duration = Duration::from_secs(240);

/// Runs the simulation `seeds` times, and each fault beneath real programs `times` times.
pub(crate) fn long(seeds: u32, times: u32, seed: Option<u64>) -> Result<(), Failed> {
    let mut simulation = cargo();
    simulation.args(["test", "--release", "--package", "gateway", "--lib", "simulation", "--", "--nocapture"]);
    crate::long_run(simulation.env("KVS_SIMULATIONS", seeds.to_string()), seed)?;
    crate::long_run(crate::gateway_test("faults").env("KVS_FAULTS", times.to_string()), seed)
}

/// Plants each defect whose name has one of these parts, and runs its test, which must fail.
pub(crate) fn plant(parts: &[String]) -> Result<(), Failed> {
    let is_chosen = |defect: &&Defect| parts.is_empty() || parts.iter().any(|part| defect.name.contains(part));
    let chosen: Vec<&Defect> = DEFECTS.iter().filter(is_chosen).collect();
    let programs = postgres::programs()?;
    let (tree, target) = (root().join("target/defects/tree"), root().join("target/defects/build"));
    copy_tree(&tree)?;
    apply(&tree)?;
    let binaries = build(&tree, &target, &chosen)?;
    let mut missed = Vec::new();
    for Defect { name, caught_by, .. } in chosen {
        let binary = binaries.iter().find(|binary| binary.has(caught_by));
        let Binary { path, .. } = binary.ok_or_else(|| Failed(format!("{name}: there is no {}", caught_by.shown())))?;
        let began = Instant::now();
        let mut test = Command::new(path);
        test.arg(caught_by.name).current_dir(tree.join(caught_by.package));
        test.env(VARIABLE, name).env(postgres::VARIABLE, &programs);
        let noticed = fails(&mut test, &target.join(name))?;
        let seconds = began.elapsed().as_secs();
        let verdict = if noticed { "caught" } else { "NOT CAUGHT" };
        println!("{verdict:10} {name:48} {seconds:>4} s  {}", caught_by.shown());
        if !noticed {
            missed.push(*name);
        }
    }
    match missed.is_empty() {
        true => Ok(()),
        false => Err(Failed(format!("no test has noticed {}", missed.join(", ")))),
    }
}

/// A program of tests.
struct Binary {
    package: String,
    /// As in [`Test`].
    target: String,
    path: PathBuf,
}

impl Binary {
    /// What a line of cargo's messages tells of one.
    fn of(line: &str) -> Option<Self> {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let path = message["executable"].as_str()?.into();
        let manifest = Path::new(message["manifest_path"].as_str()?);
        let package = manifest.parent()?.file_name()?.to_str()?.into();
        let (target, is_test) = (&message["target"], message["profile"]["test"].as_bool()?);
        let name = match target["kind"][0].as_str()? {
            "lib" => "lib",
            "test" => target["name"].as_str()?,
            _ => return None,
        };
        is_test.then(|| Self { package, target: name.into(), path })
    }

    fn has(&self, test: &Test) -> bool {
        self.package == test.package && self.target == test.target
    }
}

/// Builds the tests that are to notice these defects, and the programs that they run.
fn build(tree: &Path, target: &Path, chosen: &[&Defect]) -> Result<Vec<Binary>, Failed> {
    let mut build = cargo();
    build.args(["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics", "--bins"]);
    for target in chosen.iter().map(|defect| defect.caught_by.target).collect::<BTreeSet<_>>() {
        match target {
            "lib" => build.arg("--lib"),
            target => build.args(["--test", target]),
        };
    }
    build.current_dir(tree).env("CARGO_TARGET_DIR", target).stderr(Stdio::inherit());
    eprintln!("xtask: {build:?}");
    let output = build.output().map_err(|e| Failed(format!("{build:?}: {e}")))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(Binary::of).collect()),
        false => Err(Failed(format!("{build:?}: {}", output.status))),
    }
}

impl Test {
    fn shown(&self) -> String {
        format!("{} {} {}", self.package, self.target, self.name)
    }
}

impl Edit {
    /// The text with the defect in it.
    fn applied(&self, text: &str, defect: &str) -> Result<String, String> {
        let planted = format!(
            "({{ static ON: std::sync::LazyLock<bool> = \
             std::sync::LazyLock::new(|| std::env::var_os(\"{VARIABLE}\").is_some_and(|it| it == \"{defect}\")); *ON }})"
        );
        match text.matches(self.right).count() {
            1 => Ok(text.replace(self.right, &self.wrong.replace("PLANTED", &planted))),
            n => Err(format!("defect {defect}: {} has its piece of {} {n} times", self.file, self.right.trim())),
        }
    }
}

/// Whether the test fails or hangs. What it says goes to a file.
fn fails(test: &mut Command, said: &Path) -> Result<bool, Failed> {
    use std::os::unix::process::CommandExt;

    let io = |e: std::io::Error| Failed(format!("a test that is to notice a defect: {e}"));
    let output = std::fs::File::create(said).map_err(io)?;
    let errors = output.try_clone().map_err(io)?;
    let spawned = test.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0).spawn();
    let mut running = spawned.map_err(io)?;
    let began = Instant::now();
    loop {
        if let Some(status) = running.try_wait().map_err(io)? {
            // A test that was not found has not noticed anything either.
            return Ok(!status.success());
        }
        if began.elapsed() > PATIENCE {
            let group = format!("-{}", running.id());
            drop(Command::new("kill").args(["-KILL", "--", &group]).status());
            drop(running.wait());
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Copies every file of the tree that git knows, but for cargo's settings: those of the tree apply to what lies in it.
fn copy_tree(to: &Path) -> Result<(), Failed> {
    let files = Command::new("git").current_dir(root()).args(["ls-files", "-z"]).output();
    let files = files.map_err(|e| Failed(format!("git ls-files: {e}")))?;
    let files = String::from_utf8_lossy(&files.stdout).into_owned();
    for file in files.split('\0').filter(|file| !file.is_empty() && !file.starts_with(".cargo/")) {
        let (from, to) = (root().join(file), to.join(file));
        let copied = std::fs::read(&from).and_then(|content| {
            if std::fs::read(&to).is_ok_and(|there| there == content) {
                return Ok(());
            }
            std::fs::create_dir_all(to.parent().unwrap_or(Path::new(".")))?;
            std::fs::write(&to, content)
        });
        match copied {
            // Removed, but not committed yet.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            copied => copied.map_err(|e| Failed(format!("{}: {e}", from.display())))?,
        }
    }
    Ok(())
}

fn apply(tree: &Path) -> Result<(), Failed> {
    let mut files: Vec<&str> = DEFECTS.iter().flat_map(|defect| defect.edits).map(|edit| edit.file).collect();
    files.sort_unstable();
    files.dedup();
    for file in files {
        let text = with_defects(&root().join(file), file)?;
        let path: PathBuf = tree.join(file);
        std::fs::write(&path, text).map_err(|e| Failed(format!("{}: {e}", path.display())))?;
    }
    Ok(())
}

/// The file with all of its defects.
fn with_defects(path: &Path, file: &str) -> Result<String, Failed> {
    let mut text = std::fs::read_to_string(path).map_err(|e| Failed(format!("{}: {e}", path.display())))?;
    for Defect { name, edits, .. } in DEFECTS {
        for edit in edits.iter().filter(|edit| edit.file == file) {
            text = edit.applied(&text, name).map_err(Failed)?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_fits_the_tree_and_names_a_test() {
        for Defect { name, edits, caught_by } in DEFECTS {
            for edit in *edits {
                with_defects(&root().join(edit.file), edit.file).unwrap_or_else(|Failed(e)| panic!("{e}"));
            }
            let package = root().join(caught_by.package);
            let sources = match caught_by.target {
                "lib" => package.join("src"),
                target => package.join("tests").join(target),
            };
            let mut grep = Command::new("grep");
            grep.args(["-rqs", caught_by.name]).arg(&sources).arg(sources.with_extension("rs"));
            // The tests of logs that a macro makes.
            let found = grep.arg(package.join("tests/conformance")).status().expect("grep can be executed");
            assert!(found.success(), "{name}: there is no test {}", caught_by.shown());
        }
    }

    #[test]
    fn the_documents_name_every_defect() {
        let text = std::fs::read_to_string(root().join("docs/reliability.md")).expect("the document");
        for Defect { name, .. } in DEFECTS {
            assert!(text.contains(&format!("`{name}`")), "docs/reliability.md does not name {name}");
        }
    }
}
