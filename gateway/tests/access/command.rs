//! `kvs token`.

use crate::harness::{Kvs, output};
use crate::{Identities, rest};

#[test]
fn identities_are_made_listed_and_revoked() {
    let identities = Identities::new();
    let args =
        ["--scope", "read,write", "--types", "int,str", "--prefix", "user_", "--expires", "2099-01-31T12:00:00Z"];
    let token = identities.token("app", &args);
    assert!(token.starts_with("kvs_") && token.len() == 68 && !token.contains(char::is_whitespace), "{token}");
    identities.token("operator", &["--scope", "admin"]);
    assert_eq!(identities.token("service", &["--scope", "read", "--certificate", "a.example"]), "");
    let (code, list) = identities.command(&["list"]);
    assert_eq!(code, Some(0), "{list}");
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "SCOPES", "TYPES", "EXPIRES", "PROOF", "PREFIX"]);
    assert_eq!(lines[1], ["app", "read,write", "int,str", "2099-01-31T12:00:00Z", "token", "user_"]);
    assert_eq!(lines[2], ["operator", "admin", "all", "never", "token"]);
    assert_eq!(lines[3], ["service", "read", "all", "never", "certificate", "a.example"]);
    assert!(!list.contains(&token));
    let stored = std::fs::read_to_string(&identities.file).expect("the file");
    assert!(!stored.contains(&token[4..]), "only the hash is stored");
    let (_folder, kvs) = identities.serve(&[]);
    assert_eq!(rest(&kvs, "GET", "int-get/user_1", Some(&token), b"").status, 404);
    identities.revoke("app");
    assert_eq!(identities.command(&["list"]).1.lines().count(), 3);
}

#[test]
fn wrong_input_is_said_and_changes_nothing() {
    let identities = Identities::new();
    identities.token("app", &["--scope", "read"]);
    let before = std::fs::read(&identities.file).expect("the file");
    for (args, word) in [
        (&["new", "app", "--scope", "read"][..], "there is an identity \"app\" already"),
        (&["new", "a b", "--scope", "read"], "a name has"),
        (&["new", "b"], "--scope"),
        (&["new", "b", "--scope", "root"], "expected read, write, admin"),
        (&["new", "b", "--scope", "read", "--types", "bool"], "expected one of int"),
        (&["new", "b", "--scope", "read", "--expires", "soon"], "such as 90d"),
        (&["revoke", "nobody"], "there is no identity \"nobody\""),
    ] {
        let (code, said) = identities.command(args);
        assert!(code == Some(2) && said.contains(word), "{args:?}: {code:?} {said}");
    }
    assert_eq!(std::fs::read(&identities.file).expect("the file"), before);
    let (code, said) = output(&mut Kvs::tool(&["token", "list"]));
    assert!(code == Some(2) && said.contains("--identities"), "{said}");
    std::fs::write(&identities.file, "key = 1").expect("a file");
    let (code, said) = identities.command(&["new", "c", "--scope", "read"]);
    assert!(code == Some(2) && said.contains("invalid type"), "{said}");
}
