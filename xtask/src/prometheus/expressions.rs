//! The expressions of the dashboard, and the metrics in one.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::Failed;

/// What Grafana puts in place of its variables.
const VARIABLES: [(&str, &str); 2] = [("$instance", ".*"), ("$__rate_interval", "10s")];

/// The expressions of all panels and variables, each with the name of its panel.
pub(super) fn of_dashboard(file: &Path) -> Result<Vec<(String, String)>, Failed> {
    let dashboard = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let dashboard: Value = serde_json::from_slice(&dashboard).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        let title = panel["title"].as_str().unwrap_or_default();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().ok_or_else(|| format!("the panel {title} has no expression"))?;
            let expression =
                VARIABLES.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
            found.push((format!("panel {title}"), expression));
        }
    }
    match found.len() {
        0 => Err(Failed(format!("{} has no expressions", file.display()))),
        _ => Ok(found),
    }
}

/// The metrics that an expression names.
pub(super) fn metrics(expression: &str) -> BTreeSet<String> {
    // Every other part is quoted: the value of a label.
    let outside = expression.split('"').step_by(2);
    let words = outside.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let is_metric =
        |word: &&str| *word == "up" || ["kvs_", "txnd_", "process_"].iter().any(|own| word.starts_with(own));
    words.filter(is_metric).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_of_an_expression_are_found() {
        let expression =
            r#"sum by (instance) (kvs_a{of="kvs_b"}) / on (instance) kvs_c_total > 0.9 and up{job="kvs"} == 0"#;
        assert_eq!(metrics(expression), ["kvs_a", "kvs_c_total", "up"].map(String::from).into());
    }
}
