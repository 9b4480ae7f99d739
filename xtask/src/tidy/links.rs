//! Every relative link in a Markdown file leads to a file or folder of the repository and, if it names a heading, to a
//! heading in that file.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Checks these Markdown files; `files` are all files of the repository.
pub(super) fn check(root: &Path, files: &[PathBuf], broken: &mut Vec<String>) {
    let known: BTreeSet<&Path> = files.iter().flat_map(|file| file.ancestors()).collect();
    let read = |file: &Path| std::fs::read_to_string(root.join(file)).unwrap_or_default();
    for file in files.iter().filter(|file| is_markdown(file)) {
        for (line, link) in links(&read(file)) {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => Some(file.clone()),
                path => within(file.parent().unwrap_or(Path::new("")), path),
            };
            let place = format!("{}:{line}: the link to {link}", file.display());
            let Some(target) = target.filter(|target| known.contains(target.as_path())) else {
                broken.push(format!("{place} leads to no file of the repository"));
                continue;
            };
            if !heading.is_empty() && is_markdown(&target) && !headings(&read(&target)).contains(heading) {
                broken.push(format!("{place} names a heading that is not there"));
            }
        }
    }
}

fn is_markdown(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// `path`, which is relative to `folder`, as a path from the root; `None` if it leads out of the repository.
fn within(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::CurDir => {}
            Component::ParentDir => found.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(found)
}

/// Lines of a Markdown text outside of code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The targets of relative links, with line numbers: `[text](path)`, `![text](path)` and `[label]: path`.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let labelled = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, path)| path);
        for target in inline.chain(labelled) {
            let path = target.split_whitespace().next().unwrap_or_default();
            let elsewhere = path.contains("://") || path.starts_with("mailto:") || path.is_empty();
            if !elsewhere {
                links.push((number, path.to_owned()));
            }
        }
    }
    links
}

/// A line without the text between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// The headings of a Markdown text in the form that links use: lower case, spaces as hyphens, no punctuation.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = prose(text).filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len() && title.starts_with(' ')).then(|| title.trim())
    });
    titles
        .map(|title| {
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "a [b](c.md) and ![d](e/f.svg \"title\")\n`[x](y)` [z](https://example.org)\n```\n[no](no.md)\n```\n[l]: m.md\n[n](#o)\n";
        let expected = [(1, "c.md"), (1, "e/f.svg"), (6, "m.md"), (7, "#o")];
        assert_eq!(links(text), expected.map(|(line, link)| (line, link.to_owned())));
    }

    #[test]
    fn paths_are_those_from_the_root() {
        assert_eq!(within(Path::new("docs"), "../README.md"), Some("README.md".into()));
        assert_eq!(within(Path::new("docs"), "./a/b.md"), Some("docs/a/b.md".into()));
        assert_eq!(within(Path::new("docs"), "../../elsewhere.md"), None);
        assert_eq!(within(Path::new("docs"), "/etc/passwd"), None);
    }

    #[test]
    fn headings_are_named_as_hosts_name_them() {
        let found = headings("# One, two: `three`\n```\n# no\n```\n## Wait-for it\n#none\n");
        assert_eq!(found, ["one-two-three", "wait-for-it"].map(String::from).into());
    }

    #[test]
    fn what_leads_nowhere_is_reported() {
        let folder = std::env::temp_dir().join(format!("kvs-links-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("docs")).unwrap();
        std::fs::write(
            folder.join("a.md"),
            "# Top\n[x](docs) [x](docs/b.md#sub) [x](gone.md) [x](docs/b.md#gone) [x](#top)\n",
        )
        .unwrap();
        std::fs::write(folder.join("docs/b.md"), "## Sub\n[x](../a.md) [x](../../a.md)\n").unwrap();
        let mut broken = Vec::new();
        check(&folder, &["a.md".into(), "docs/b.md".into()], &mut broken);
        std::fs::remove_dir_all(&folder).unwrap();
        let expected = [
            "a.md:2: the link to gone.md leads to no file of the repository",
            "a.md:2: the link to docs/b.md#gone names a heading that is not there",
            "docs/b.md:2: the link to ../../a.md leads to no file of the repository",
        ];
        assert_eq!(broken, expected);
    }
}
