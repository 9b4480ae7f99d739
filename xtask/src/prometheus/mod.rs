//! Dashboard and alerts in a real Prometheus, which scrapes a kvs and a txnd under load.
//!
//! ```text
//!   site.rs          txnd, kvs, some load, and Prometheus, each on free ports
//!   api.rs           what Prometheus answers
//!   expressions.rs   the expressions of the dashboard, and the metrics in one
//! ```

mod api;
mod expressions;
mod site;

use std::time::{Duration, Instant};

use api::Api;
use site::Site;

use crate::{Failed, root};

/// How long anything may take that is no alert.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long an alert may take to fire beyond its `for`, in docs/alerts.yml at most half a minute for a log that is down.
const ALERT_DEADLINE: Duration = Duration::from_secs(90);

/// The alert about a log that is down.
const LOG_DOWN: &str = "KvsLogDown";

/// Starts everything, evaluates every expression, kills txnd and waits for the alert.
pub(crate) fn run() -> Result<(), Failed> {
    site::find_prometheus()?;
    let mut site = Site::start(&root().join("docs/alerts.yml"))?;
    let api = Api::new(site.prometheus_addr.clone());
    eventually("both targets are scraped", DEADLINE, || Ok(api.targets_up()? == 2))?;
    eventually("every rule is evaluated", DEADLINE, || Ok(api.rules()?.iter().all(|rule| rule.health == "ok")))?;

    let rules = api.rules()?;
    let written = std::fs::read_to_string(root().join("docs/alerts.yml")).map_err(|e| e.to_string())?;
    let expected = written.lines().filter(|line| line.trim_start().starts_with("- alert:")).count();
    if rules.len() != expected {
        return Err(Failed(format!("docs/alerts.yml has {expected} alerts, Prometheus {}", rules.len())));
    }
    let panels = expressions::of_dashboard(&root().join("docs/grafana.json"))?;
    let queries = rules.iter().map(|rule| (format!("alert {}", rule.name), rule.query.clone())).chain(panels);
    let mut evaluated = 0;
    for (what, query) in queries {
        for name in expressions::metrics(&query) {
            let what = format!("{what}: {name} has data");
            eventually(&what, DEADLINE, || Ok(api.query(&name)? > 0))?;
        }
        // One that compares may find nothing, which is what it hopes for.
        let is_comparison = ["==", "<", ">"].iter().any(|sign| query.contains(sign));
        eventually(&format!("{what}: {query}"), DEADLINE, || Ok(api.query(&query)? > 0 || is_comparison))?;
        evaluated += 1;
    }
    eprintln!("xtask: {evaluated} expressions are valid, and their metrics are there");
    if let Some(firing) = api.rules()?.iter().find(|rule| rule.state == "firing") {
        return Err(Failed(format!("the alert {} fires though all is well", firing.name)));
    }

    site.kill_txnd();
    let state_is = |states: &[&str]| -> Result<bool, Failed> {
        let rules = api.rules()?;
        let rule = rules.iter().find(|rule| rule.name == LOG_DOWN);
        Ok(rule.is_some_and(|rule| states.contains(&rule.state.as_str())))
    };
    eventually("the alert about the log is pending", DEADLINE, || state_is(&["pending", "firing"]))?;
    eprintln!("xtask: txnd is killed: {LOG_DOWN} is pending");
    eventually("the alert about the log fires", ALERT_DEADLINE, || state_is(&["firing"]))?;
    eprintln!("xtask: {LOG_DOWN} fires");
    Ok(())
}

/// Waits until a condition holds.
fn eventually(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Result<bool, Failed>,
) -> Result<(), Failed> {
    let began = Instant::now();
    while !condition()? {
        if began.elapsed() > deadline {
            return Err(Failed(format!("did not happen within {deadline:?}: {what}")));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
