//! PostgreSQL fails over to a standby, at the same address, as behind a virtual address or a pooler.

use testkit::postgres_server::PostgresServer;

use crate::deployment::{self, Deployment};
use crate::harness::{Kvs, eventually};

/// A server of the test's own, which ends with the test process.
fn server() -> &'static PostgresServer {
    Box::leak(Box::new(PostgresServer::start()))
}

fn count(kvs: &Kvs) -> u32 {
    let answer = kvs.connect().put("int-incr/n", "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().parse::<u32>().expect("a number") + 1
}

fn counted(kvs: &Kvs) -> u32 {
    kvs.connect().get("int-get/n").text().parse().expect("a number")
}

fn in_view(deployment: &Deployment) -> String {
    let url = deployment.tables.as_ref().expect("it has tables");
    deployment.server.expect("it has a server").psql(url, "SELECT max(value) FROM current_int WHERE key = 'n'")
}

fn deployments() -> [Deployment; 2] {
    [deployment::postgres_on(server()), deployment::txnd_postgres_on(server())]
}

#[test]
fn a_standby_that_has_everything_takes_over_and_kvs_goes_on() {
    for mut deployment in deployments() {
        let server = deployment.server.expect("it has a server");
        let kvs = deployment.start(&["--log-timeout", "30s"]);
        count(&kvs);
        let standby = server.standby();
        let last = (0..20).map(|_| count(&kvs)).last().expect("some");
        standby.catch_up(server);
        server.fail_over(standby);
        let mut found = None;
        eventually("writes are acknowledged again", || {
            let answer = kvs.connect().put("int-incr/n", "");
            found = answer.text().parse::<u32>().ok().filter(|_| answer.status == 200);
            found.is_some()
        });
        assert_eq!(found, Some(last), "{}: nothing was lost, and nothing was counted twice", deployment.name);
        assert_eq!(in_view(&deployment), (last + 1).to_string(), "{}", deployment.name);
        kvs.kill();
        let kvs = deployment.start(&[]);
        assert_eq!(counted(&kvs), last + 1, "{}", deployment.name);
        kvs.kill();
        deployment.stop();
    }
}

/// The writes that only the lost server had are lost, as with any asynchronous standby. kvs must not go on as if they were not:
/// it knows more than its log. Only a new start, from what the log has, may write again.
#[test]
fn a_standby_that_lacks_the_end_ends_the_term_and_the_next_start_has_its_state() {
    for mut deployment in deployments() {
        let server = deployment.server.expect("it has a server");
        // By default it ends then, so that a supervisor starts it again.
        let kvs = deployment.start(&["--log-timeout", "30s", "--when-fenced", "read-only"]);
        let standby = server.standby();
        let kept = (0..10).map(|_| count(&kvs)).last().expect("some");
        standby.catch_up(server);
        standby.stop();
        let last = (0..10).map(|_| count(&kvs)).last().expect("some");
        assert_eq!(last, kept + 10);
        server.fail_over(standby);

        let mut refused = None;
        eventually("kvs notices that its log has lost records", || {
            let answer = kvs.connect().put("int-incr/n", "");
            assert_ne!(answer.status, 200, "{}: it was acknowledged behind a gap", deployment.name);
            refused = Some(answer.text().to_owned()).filter(|text| text.contains("must be restarted"));
            refused.is_some()
        });
        // Perhaps with one that was asked for meanwhile, and whose outcome is unknown.
        assert!((last..=last + 1).contains(&counted(&kvs)), "{}: reads go on", deployment.name);
        assert_eq!(kvs.operator("/readyz").status, 503, "{}", deployment.name);
        assert_eq!(in_view(&deployment), kept.to_string(), "{}: nothing was added behind the gap", deployment.name);
        kvs.kill();

        // A txnd that noticed before kvs did ends, too, and a supervisor starts both again.
        let mut started = None;
        eventually("kvs starts again", || {
            deployment.supervise_txnd();
            started = deployment.try_start(&[]).ok();
            started.is_some()
        });
        let kvs = started.expect("it has started");
        assert_eq!(counted(&kvs), kept, "{}: what the log has", deployment.name);
        assert_eq!(count(&kvs), kept + 1);
        assert_eq!(in_view(&deployment), (kept + 1).to_string(), "{}", deployment.name);
        kvs.kill();
        deployment.stop();
    }
}
