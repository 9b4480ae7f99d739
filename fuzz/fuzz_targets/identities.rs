//! The identities file, and names of scopes: any text is refused, or can be changed and stays what it is.

#![no_main]

use std::path::Path;

use fuzz::folder::quick_folder;
use gateway::access::file::{self, IdentitiesError, MAX_IDENTITIES, NewIdentity};
use gateway::access::{Grant, Scopes};

/// The new identity. An input may have one of this name, too.
const NAME: &str = "fuzz";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(scopes) = str::from_utf8(bytes).unwrap_or_default().parse::<Scopes>() {
        assert_eq!(scopes.to_string().parse::<Scopes>(), Ok(scopes));
    }
    let folder = quick_folder();
    let path = folder.path().join("identities.toml");
    std::fs::write(&path, bytes).expect("a file in memory");
    let Some(before) = known(&path) else { return };
    let new =
        NewIdentity { name: NAME, grant: Grant::of(Scopes::ALL), expires: None, certificate: Some("fuzz.example") };
    match file::add(&path, &new) {
        Ok(token) => assert_eq!(token, None, "it has a certificate"),
        Err(IdentitiesError::Exists(name)) => {
            assert!(name == NAME && before.iter().any(|known| known.contains("\"fuzz\"")), "{before:?}");
            return;
        }
        Err(IdentitiesError::Unusable(_)) if before.len() >= MAX_IDENTITIES => return,
        Err(e) => panic!("the file was read, and cannot be changed: {e}"),
    }
    let after = known(&path).expect("a file that was changed is right");
    assert_eq!(after[..before.len()], before, "the others stay as they are");
    assert_eq!(after.len(), before.len() + 1);
    file::remove(&path, NAME).expect("it was just made");
    assert_eq!(known(&path), Some(before));
});

/// What the file says, as text; `None` if it is refused.
fn known(path: &Path) -> Option<Vec<String>> {
    match file::all(path) {
        Ok(known) => Some(known.into_iter().map(|identity| format!("{identity:?}")).collect()),
        Err(e) => {
            let _ = e.to_string();
            None
        }
    }
}
