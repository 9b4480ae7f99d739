//! docs/configuration.md and the programs' `--help` name the same flags and environment variables, and what deploys the
//! programs uses no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Flags with the environment variable of each, if it has one.
type Flags = BTreeMap<String, Option<String>>;

/// Flags that the page has and the programs do not have yet, and the reverse. Whatever is listed here must differ.
const DIFFERENCES: (&[&str], &[&str]) = (&[], &[]);

/// kvs, and the txnd that `cargo test --workspace` builds beside it.
fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_kvs")).with_file_name(name);
    assert!(path.exists(), "{} is not there; build it: cargo build --package txnd", path.display());
    path
}

/// What the program says about its flags; `arguments` come before `--help`.
fn of_help(name: &str, arguments: &[&str]) -> Flags {
    let output =
        Command::new(program(name)).args(arguments).arg("--help").output().expect("the program can be executed");
    assert!(output.status.success(), "{name} {arguments:?} --help: {output:?}");
    let help = String::from_utf8(output.stdout).expect("help is UTF-8");
    let mut flags = Flags::new();
    let mut last = None;
    for line in help.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let flag = words.iter().take(2).find(|word| word.starts_with("--"));
        let defined = matches!(words.first(), Some(first) if first.starts_with('-')).then_some(flag).flatten();
        if let Some(flag) = defined {
            // A value that may be left out is shown as `--flag[=<VALUE>]`.
            let flag = flag.split('[').next().expect("a part");
            last = Some(flag.to_owned());
            flags.insert(flag.to_owned(), None);
        }
        if let (Some(flag), Some((_, rest))) = (&last, line.split_once("[env: ")) {
            let variable = rest.split(['=', ']']).next().expect("a part").to_owned();
            flags.insert(flag.clone(), Some(variable));
        }
    }
    flags.remove("--help");
    flags.remove("--version");
    flags
}

/// The flags of a table on the page: the one whose head begins with these columns, the `nth` of those.
fn of_table(page: &str, columns: &[&str], nth: usize) -> Flags {
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().replace('`', "")).collect() };
    let begins = |line: &&str| {
        cells(line).iter().skip(1).zip(columns).all(|(cell, column)| cell == column) && line.starts_with('|')
    };
    let head = page.lines().enumerate().filter(|(_, line)| begins(line)).map(|(at, _)| at).nth(nth).expect("the table");
    let rows = page.lines().skip(head + 2).take_while(|line| line.starts_with('|')).map(cells);
    let variable = |cell: &String| columns.contains(&"environment").then(|| cell.clone());
    rows.map(|row| (row[1].clone(), variable(&row[2]))).collect()
}

fn page() -> String {
    file("docs/configuration.md")
}

/// A file of the project.
fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What only one of two has, or has otherwise; by the name of the flag.
fn only_in<'f>(one: &'f Flags, other: &Flags) -> BTreeSet<&'f str> {
    one.iter().filter(|(flag, variable)| other.get(*flag) != Some(variable)).map(|(flag, _)| flag.as_str()).collect()
}

#[test]
fn the_page_has_every_flag_and_no_other() {
    let page = page();
    let with_variables = ["flag", "environment", "default"];
    let tables = [
        (of_table(&page, &with_variables, 0), of_help("kvs", &[]), DIFFERENCES),
        (of_table(&page, &with_variables, 1), of_help("txnd", &[]), (&[][..], &[][..])),
    ];
    for (documented, real, (ahead, behind)) in &tables {
        assert!(documented.len() > 10 && real.len() > 10, "{documented:?} {real:?}");
        assert_eq!(only_in(documented, real), ahead.iter().copied().collect(), "only in docs/configuration.md");
        assert_eq!(only_in(real, documented), behind.iter().copied().collect(), "only in --help");
    }
    let documented = of_table(&page, &["flag of txnd certs"], 0);
    let mut real = of_help("txnd", &["certs"]);
    // Those that it shares with the service are in that table.
    real.retain(|flag, _| !tables[1].1.contains_key(flag));
    assert_eq!(documented, real, "docs/configuration.md and txnd certs --help");
}

#[test]
fn no_flag_that_the_page_mentions_is_made_up() {
    let page = page();
    let known: BTreeSet<String> = [of_help("kvs", &[]), of_help("txnd", &[]), of_help("txnd", &["certs"])]
        .into_iter()
        .flat_map(Flags::into_keys)
        .collect();
    let mentioned =
        page.split('`').skip(1).step_by(2).flat_map(str::split_whitespace).filter(|word| word.starts_with("--"));
    let unknown: BTreeSet<&str> = mentioned.filter(|flag| !known.contains(*flag) && *flag != "--help").collect();
    assert_eq!(unknown, DIFFERENCES.0.iter().copied().collect());
}

#[test]
fn what_deploys_the_programs_uses_variables_and_flags_that_exist() {
    let known =
        [of_help("kvs", &[]), of_help("txnd", &[]), of_help("kvs", &["certs"]), of_help("kvs", &["token", "new"])];
    let variables: BTreeSet<&str> =
        known.iter().flat_map(|flags| flags.values().flatten()).map(String::as_str).collect();
    let flags: BTreeSet<&str> = known.iter().flat_map(BTreeMap::keys).map(String::as_str).collect();
    let is_variable = |word: &&str| {
        (word.starts_with("KVS_") || word.starts_with("TXND_"))
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    // Of compose.yaml itself.
    let others = ["KVS_IMAGE", "KVS_PORT"];
    for name in [
        "compose.yaml",
        "packaging/kubernetes/kvs.yaml",
        "packaging/systemd/kvs.env",
        "packaging/systemd/kvs.service",
        "packaging/systemd/txnd.env",
        "packaging/systemd/txnd.service",
    ] {
        let text = file(name);
        let words = || text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        let used: BTreeSet<&str> = words().filter(is_variable).filter(|word| !others.contains(word)).collect();
        assert!(used.len() > 1, "{name}: {used:?}");
        assert_eq!(used.difference(&variables).collect::<Vec<_>>(), [&""; 0], "variables of {name} that do not exist");
        // Other programs have flags there, too.
        let is_flag =
            |word: &&str| word.starts_with("--") && word.len() > 3 && *word != "--help" && name != "compose.yaml";
        let used: BTreeSet<&str> = words().filter(is_flag).collect();
        assert_eq!(used.difference(&flags).collect::<Vec<_>>(), [&""; 0], "flags of {name} that do not exist");
    }
}
