//! No import cycles between the files of a crate, and one path for each public item.
//!
//! File A imports file B if a path in A leads to an item defined in B. An item re-exported with `pub use` by a file in
//! between counts as imported from the file that defines it. Tests at the end of a file do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// The crates whose files are checked.
const CRATES: [&str; 8] = ["proto", "engine", "txnd", "gateway", "client", "loadtest", "bench", "fuzz"];

/// Pairs of files that may import each other, with the reason.
const ONE_THING: &[(&str, &str, &str)] = &[];

/// A module's path within its crate, without the crate's name.
type Module = Vec<String>;

/// The contents of one file.
#[derive(Default)]
struct Source {
    file: PathBuf,
    /// Paths that it uses, made absolute.
    paths: BTreeSet<Vec<String>>,
    /// What it re-exports: name in this file, absolute path of the item, whether other crates can see it.
    passed_on: Vec<(String, Vec<String>, bool)>,
    /// Modules that it declares as public.
    public_modules: BTreeSet<String>,
}

type Sources = BTreeMap<Module, Source>;

pub(super) fn check(root: &Path, broken: &mut Vec<String>) -> Result<(), String> {
    for name in CRATES {
        let sources = read(&root.join(name).join("src"))?;
        circles(name, &sources, broken);
        public_paths(name, &sources, broken);
    }
    Ok(())
}

/// Every module of a crate's library. Programs beside a library are at its top level, and nothing imports them.
fn read(folder: &Path) -> Result<Sources, String> {
    let mut sources = Sources::new();
    let mut folders = vec![(folder.to_path_buf(), Module::new())];
    while let Some((folder, above)) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if stem != "bin" {
                    folders.push((path, [above.clone(), vec![stem]].concat()));
                }
                continue;
            }
            let at_top = above.is_empty();
            let module = match stem.as_str() {
                "lib" if at_top => Module::new(),
                "main" if at_top && folder.join("lib.rs").exists() => continue,
                "main" if at_top => Module::new(),
                "mod" => above.clone(),
                _ => [above.clone(), vec![stem]].concat(),
            };
            sources.insert(module.clone(), read_file(path, &module)?);
        }
    }
    Ok(sources)
}

fn read_file(path: PathBuf, module: &Module) -> Result<Source, String> {
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let syntax = syn::parse_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let children = syntax.items.iter().filter_map(|item| match item {
        Item::Mod(ItemMod { ident, .. }) => Some(ident.to_string()),
        _ => None,
    });
    let mut reader =
        Reader { module, children: children.collect(), source: Source { file: path.clone(), ..Default::default() } };
    reader.visit_file(&syntax);
    Ok(reader.source)
}

/// Collects the contents of a file.
struct Reader<'m> {
    module: &'m Module,
    children: BTreeSet<String>,
    source: Source,
}

impl Reader<'_> {
    /// The absolute form of a path within the crate; `None` for one that leads elsewhere.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut above = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (above, rest) = (Module::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while let Some("super") = rest.first().map(String::as_str) {
                    above.pop();
                    rest = &rest[1..];
                }
            }
            child if self.children.contains(child) => {}
            _ => return None,
        }
        Some([above, rest.to_vec()].concat())
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.attrs.iter().any(is_for_tests) {
            return;
        }
        if matches!(item.vis, Visibility::Public(_)) {
            self.source.public_modules.insert(item.ident.to_string());
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.attrs.iter().any(is_for_tests) {
            return;
        }
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        for (path, name) in leaves {
            let Some(absolute) = self.absolute(&path) else { continue };
            match item.vis {
                Visibility::Inherited => {
                    self.source.paths.insert(absolute);
                }
                _ => {
                    let outside = matches!(item.vis, Visibility::Public(_));
                    self.source.passed_on.push((name, absolute, outside));
                }
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(absolute) = self.absolute(&segments)
        {
            self.source.paths.insert(absolute);
        }
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let is_test = |list: &syn::MetaList| list.tokens.to_string() == "test";
    attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(is_test)
}

/// The paths of a `use`, each with its name in this file.
fn flatten(tree: &UseTree, above: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(path) => {
            above.push(path.ident.to_string());
            flatten(&path.tree, above, leaves);
            above.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            leaves.push((above.clone(), above.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            leaves.push(([above.clone(), vec![name.clone()]].concat(), name));
        }
        UseTree::Rename(name) => {
            leaves.push(([above.clone(), vec![name.ident.to_string()]].concat(), name.rename.to_string()));
        }
        UseTree::Glob(_) => leaves.push((above.clone(), "*".into())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, above, leaves)),
    }
}

/// The module that defines what `path` leads to.
fn definer(sources: &Sources, path: &[String]) -> Module {
    let mut path = path.to_vec();
    // Each step leads from a file that re-exports the item to the next one; more steps than files would be a cycle.
    for _ in 0..=sources.len() {
        let depth = (0..=path.len()).rev().find(|n| sources.contains_key(&path[..*n])).unwrap_or(0);
        let (module, rest) = path.split_at(depth);
        let passed_on = sources.get(module).into_iter().flat_map(|source| &source.passed_on);
        let next = passed_on.filter(|(name, ..)| rest.first() == Some(name)).map(|(_, there, _)| there).next();
        match next {
            Some(there) => path = [there.as_slice(), &rest[1..]].concat(),
            None => return module.to_vec(),
        }
    }
    path
}

fn circles(name: &str, sources: &Sources, broken: &mut Vec<String>) {
    let imports: BTreeMap<&Module, BTreeSet<Module>> = sources
        .iter()
        .map(|(module, source)| {
            let to = source.paths.iter().map(|path| definer(sources, path)).filter(|to| to != module);
            (module, to.collect())
        })
        .collect();
    let reaches = |from: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = next.pop() {
            for to in imports.get(&module).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = sources.keys().map(|module| (module, reaches(module))).collect();
    for (from, direct) in &imports {
        for to in direct.iter().filter(|to| reached.get(to).is_some_and(|back| back.contains(*from))) {
            let files = [&sources[*from].file, &sources[to].file].map(|file| display(name, file));
            let known = |(one, other, _): &&(&str, &str, &str)| files == [*one, *other] || files == [*other, *one];
            if !ONE_THING.iter().any(|pair| known(&pair)) {
                broken.push(format!(
                    "{} imports {}, which leads back to it; move what both need below them",
                    files[0], files[1]
                ));
            }
        }
    }
}

fn display(name: &str, file: &Path) -> String {
    let within = file.iter().skip_while(|part| *part != "src").collect::<PathBuf>();
    format!("{name}/{}", within.display())
}

/// A re-exported public item must not also be public where it is defined: neither through public modules nor through a
/// second re-export.
fn public_paths(name: &str, sources: &Sources, broken: &mut Vec<String>) {
    let is_public = |module: &[String]| {
        (0..module.len()).all(|depth| {
            sources.get(&module[..depth]).is_some_and(|above| above.public_modules.contains(&module[depth]))
        })
    };
    let mut paths: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for (module, source) in sources.iter().filter(|(module, _)| is_public(module)) {
        for (item, there, _) in source.passed_on.iter().filter(|(_, _, outside)| *outside) {
            let defined_in = definer(sources, there);
            let item_there = [defined_in.clone(), vec![item.clone()]].concat();
            let here = [&[name.to_string()], module.as_slice(), std::slice::from_ref(item)].concat().join("::");
            let of_item = paths.entry(item_there.clone()).or_default();
            of_item.push(here);
            if is_public(&defined_in) && defined_in != *module {
                of_item.push([&[name.to_string()], item_there.as_slice()].concat().join("::"));
            }
        }
    }
    for mut paths in paths.into_values() {
        paths.sort();
        paths.dedup();
        if paths.len() > 1 {
            broken.push(format!("one public item has {} paths: {}; keep one", paths.len(), paths.join(", ")));
        }
    }
}
