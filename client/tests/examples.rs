//! Every example, as a process, against a real kvs.

mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use server::Kvs;

/// What each example prints, in this order, among other things.
const PRINTED: [(&str, &[&str]); 2] = [
    (
        "quickstart",
        &[
            "Some(-3) Some(-2.5)",
            "deleted from all types: true",
            "in stock before: 2",
            "sold out: ",
            r#"Some({"born": "1815", "city": "London", "name": "Ada"})"#,
            r#"Some({"en", "fr"}), English: Some(true)"#,
            "Some(Int(1))",
            r#"Some(Str("two"))"#,
            "None",
            "logged in: true",
            r#"already: Some(Str("ada"))"#,
            "found user:1",
            "Some(4) Some(4)",
        ],
    ),
    ("retry", &[r#"Some("on disk when this returns")"#, "sold: true"]),
];

#[test]
fn every_example_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder of the examples")
        .map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, PRINTED.map(|(name, _)| name), "each example has its expected output here");

    let log = tempfile::tempdir().expect("a temporary folder");
    for (name, expected) in PRINTED {
        let kvs =
            Kvs::with(&["--frame-addr", "127.0.0.1:0", "--log", &format!("file:{}/{name}", log.path().display())]);
        let output = Command::new(program(name)).arg(kvs.address.to_string()).stdin(Stdio::null()).output();
        let output = output.expect("the example can be executed");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {printed}{}", String::from_utf8_lossy(&output.stderr));
        let mut rest = &printed[..];
        for text in expected {
            let found =
                rest.find(text).unwrap_or_else(|| panic!("{name} does not print `{text}` in its turn:\n{printed}"));
            rest = &rest[found + text.len()..];
        }
    }
}

/// The example that was built together with this test: `cargo test -p client` builds the examples, too.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let program = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST").join("examples").join(name);
    assert!(program.exists(), "{} is not there; build it with `cargo build -p client --examples`", program.display());
    program
}
