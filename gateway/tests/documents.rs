//! Every curl line of the documents does what the comment behind it says.

mod harness;

use std::path::Path;

use harness::{BASE, Kvs, folder, request_to};

/// Documents whose lines are sent, each to a kvs of its own, with the base path, and the least number of lines that it has.
const DOCUMENTS: [(&str, &str, usize); 3] =
    [("docs/rest-v1.md", BASE, 25), ("docs/rest-v2.md", "/v2", 40), ("README.md", BASE, 8)];

/// A curl line: the request, and what is expected.
#[derive(Debug)]
struct Line {
    method: String,
    /// Behind the base path.
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    /// Of the comment: what comes before an explanation.
    expected: String,
}

impl Line {
    /// The line, if it is one for a kvs at the base path.
    fn parse(line: &str) -> Option<Self> {
        let (command, comment) = line.split_once(" # ").unwrap_or((line, ""));
        let mut words = words(command).into_iter();
        (words.next().as_deref() == Some("curl")).then_some(())?;
        let mut parsed = Self {
            method: "GET".into(),
            path: String::new(),
            headers: Vec::new(),
            body: String::new(),
            expected: comment.trim().to_owned(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{line}: a value behind {word}"));
            match word.as_str() {
                "-X" => parsed.method = value(),
                "-d" | "--data-binary" => parsed.body = value(),
                "-H" => {
                    let header = value();
                    // A token that the shell reads from a file.
                    let (name, text) = header.split_once(": ").filter(|(_, text)| !text.contains("$("))?;
                    parsed.headers.push((name.to_owned(), text.to_owned()));
                }
                "-i" => {}
                url => parsed.path = url.strip_prefix("$BASE/")?.to_owned(),
            }
        }
        Some(parsed)
    }

    /// Whether the response is the one of the comment: a status, a header, or the body, perhaps with an explanation behind
    /// a colon.
    fn is_met_by(&self, status: u16, deleted: bool, body: &str) -> bool {
        let (first, explained) =
            self.expected.split_once(": ").map_or((&*self.expected, false), |(first, _)| (first, true));
        if first.len() == 3 && first.parse().is_ok_and(|expected: u16| (200..600).contains(&expected)) {
            // A body that is not shown is told of.
            return first == status.to_string() && (status != 200 || explained || body.is_empty());
        }
        status == 200
            && match self.expected.as_str() {
                "" => true,
                "Deleted: true" => deleted,
                expected => expected == body || expected.strip_prefix(body).is_some_and(|rest| rest.starts_with(": ")),
            }
    }
}

/// The words of a shell's command line, with quotes of both kinds.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_curl_line_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root");
    for (document, base, least) in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).expect("the document");
        let folder = folder();
        let kvs = Kvs::start(folder.path(), &[]);
        let mut client = kvs.connect();
        let lines: Vec<Line> = text.lines().filter_map(Line::parse).collect();
        assert!(lines.len() >= least, "{document}: {} lines", lines.len());
        // What an earlier response has told.
        let (mut etag, mut next, mut feed) = (String::new(), String::new(), String::new());
        for line in lines {
            let told = |text: &str| text.replace("$ETAG", &etag).replace("$NEXT", &next).replace("$FEED", &feed);
            let headers: Vec<_> = line.headers.iter().map(|(name, text)| (name.as_str(), told(text))).collect();
            let headers: Vec<_> = headers.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let path = format!("{base}/{}", told(&line.path));
            let response = client.exchange(&request_to(&line.method, &path, &headers, line.body.as_bytes()));
            if line.method == "GET" {
                etag = response.header("etag").unwrap_or(&etag).to_owned();
                let member = |name: &str| {
                    let (_, rest) = response.text().split_once(&format!("\"{name}\":\""))?;
                    Some(rest.split_once('"')?.0.to_owned())
                };
                (next, feed) = (member("next").unwrap_or(next), member("feed").unwrap_or(feed));
            }
            let (status, deleted, body) = (response.status, response.deleted(), response.text());
            assert!(line.is_met_by(status, deleted, body), "{document}: {line:?}: {status} {deleted} `{body}`");
        }
    }
}

#[test]
fn a_line_is_read_as_a_shell_reads_it() {
    let line = Line::parse(r#"curl -X PUT -H 'A: b c' $BASE/set-put/a -d '["x y"]'    # 1: how many"#).expect("a line");
    assert_eq!((line.method.as_str(), line.path.as_str(), line.body.as_str()), ("PUT", "set-put/a", r#"["x y"]"#));
    assert_eq!(line.headers, [("A".to_owned(), "b c".to_owned())]);
    assert!(line.is_met_by(200, false, "1") && !line.is_met_by(200, false, "2") && !line.is_met_by(404, false, "1"));
    for other in
        ["curl http://127.0.0.1:8080/x", "psql kvs", r#"curl -H "Authorization: Bearer $(head -n 1 t)" $BASE/a"#]
    {
        assert!(Line::parse(other).is_none(), "{other}");
    }
}
