//! What holds over each kind of log: files, tables, and both behind a txnd.

use testkit::postgres_server::PostgresServer;

use crate::deployment::{self, Deployment};
use crate::harness::{Client, Kvs, eventually, field};
use crate::{number, recovered, write_until_a_checkpoint};

const NEVER: [&str; 2] = ["--checkpoint-after", "never"];

fn put_all(client: &mut Client, round: u32) {
    for number in 0..50 {
        assert_eq!(client.put(&format!("int-put/n{number}"), format!("{}", round * 1000 + number)).status, 200);
        assert_eq!(client.put(&format!("map-set/m{number}/{round}"), "x").status, 200);
        assert_eq!(client.request("DELETE", &format!("str-del/s{number}"), "").status, 200);
        assert_eq!(client.put(&format!("str-put/s{}", (number + round) % 40), format!("{round}")).status, 200);
    }
}

fn check_all(client: &mut Client, rounds: u32) {
    for number in 0..50 {
        assert_eq!(client.get(&format!("int-get/n{number}")).text(), format!("{}", (rounds - 1) * 1000 + number));
        for round in 0..rounds {
            assert_eq!(client.get(&format!("map-get/m{number}/{round}")).text(), "x");
        }
    }
}

fn loaded(kvs: &Kvs) -> Option<&String> {
    kvs.lines.iter().find(|line| field(line, "message") == Some("loaded a checkpoint"))
}

/// However long the log, a start reads a checkpoint and what came after it.
#[test]
fn a_start_reads_the_last_checkpoint_and_the_log_after_it() {
    for mut deployment in deployment::all() {
        let name = deployment.name;
        let mut last = 0;
        for round in 0..3 {
            let kvs = deployment.start(&[]);
            let mut client = kvs.connect();
            put_all(&mut client, round);
            write_until_a_checkpoint(&kvs, &mut client, "last", &mut last);
            match round {
                1 => drop(kvs.stop()),
                _ => kvs.kill(),
            }
        }
        let kvs = deployment.start(&NEVER);
        let (lsn, replayed) = (number(recovered(&kvs), "lsn"), number(recovered(&kvs), "records"));
        assert!(loaded(&kvs).is_some() && lsn > 500 && replayed < lsn / 2, "{name}: {}", recovered(&kvs));
        let mut client = kvs.connect();
        check_all(&mut client, 3);
        assert!(client.get("str-get/last").text().starts_with(&format!("{last}:")), "{name}");

        // Beside the server, and changing nothing.
        let (status, info) = deployment.inspect("info");
        assert_eq!((status, info.matches("\ncheckpoint  lsn ").count()), (Some(0), 2), "{name}: {info}");
        assert!(info.contains(&format!(" to {lsn}\n")), "{name}: {info}");
        let (status, verified) = deployment.inspect("verify");
        assert_eq!((status, verified.matches("all right").count()), (Some(0), 3), "{name}: {verified}");
        assert_eq!(client.put("int-put/n0", "1").status, 200);
        kvs.kill();
        deployment.stop();
    }
}

fn psql(deployment: &Deployment, statement: &str) -> String {
    let url = deployment.tables.as_ref().expect("tables");
    deployment.server.expect("tables have a server").psql(url, statement)
}

/// The tables of checkpoints neither grow nor take anything from the history.
#[test]
fn tables_keep_two_checkpoints_and_the_whole_history() {
    for mut deployment in [deployment::postgres(), deployment::txnd_postgres()] {
        let kvs = deployment.start(&[]);
        let (mut client, mut last) = (kvs.connect(), 0);
        for _ in 0..6 {
            write_until_a_checkpoint(&kvs, &mut client, "last", &mut last);
        }
        kvs.kill();
        assert_eq!(psql(&deployment, "SELECT count(*) FROM checkpoints"), "2");
        // Besides those in use, what the last ones have left.
        let left = psql(&deployment, "SELECT count(DISTINCT checkpoint_id) FROM checkpoint_batches");
        assert!(["2", "3", "4"].contains(&&*left), "batches of {left} checkpoints");
        let complete = "SELECT count(*) FROM checkpoints c WHERE batches = \
                        (SELECT count(*) FROM checkpoint_batches b WHERE b.checkpoint_id = c.id) \
                        AND bytes = (SELECT sum(length(batch)) FROM checkpoint_batches b WHERE b.checkpoint_id = c.id)";
        assert_eq!(psql(&deployment, complete), "2");
        let history = psql(&deployment, "SELECT count(*) >= max(id) AND min(id) = 1 FROM string_transactions");
        assert_eq!(history, "t", "each write is in the history");
        deployment.stop();
    }
}

/// History that checkpoints cover is removed from tables, if it is so wanted. A start does not need it, and SQL still shows
/// the present state.
#[test]
fn a_start_needs_no_history_that_was_removed() {
    for mut deployment in deployment::small_partitions() {
        let name = deployment.name;
        let kvs = deployment.start(&[]);
        let (mut client, mut last) = (kvs.connect(), 0);
        for round in 0..4 {
            put_all(&mut client, round);
            write_until_a_checkpoint(&kvs, &mut client, "last", &mut last);
        }
        let first = || psql(&deployment, "SELECT first FROM producer").parse::<u64>().expect("a lsn");
        // The earlier of two checkpoints has to cover it.
        for _ in 0..2 {
            write_until_a_checkpoint(&kvs, &mut client, "last", &mut last);
        }
        eventually("old history is removed", || first() > 500);
        kvs.kill();

        let kvs = deployment.start(&NEVER);
        let mut client = kvs.connect();
        check_all(&mut client, 4);
        assert!(client.get("str-get/last").text().starts_with(&format!("{last}:")), "{name}");
        let present = "SELECT count(*), min(value), max(value) FROM current_int";
        assert_eq!(psql(&deployment, present), "50|3000|3049", "{name}");
        let present = "SELECT count(*), count(DISTINCT value), min(value::text) FROM current_map";
        assert_eq!(psql(&deployment, present), r#"50|1|{"0": "x", "1": "x", "2": "x", "3": "x"}"#, "{name}");
        let (status, info) = deployment.inspect("info");
        assert_eq!(status, Some(0), "{name}: {info}");
        assert!(info.contains(&format!("lsn {} to ", first())), "{name}: {info}");
        let (status, verified) = deployment.inspect("verify");
        assert_eq!((status, verified.matches("all right").count()), (Some(0), 3), "{name}: {verified}");
        assert_eq!(client.put("int-put/n0", "1").status, 200);
        kvs.kill();

        // Without a checkpoint, what is left is not the state.
        psql(
            &deployment,
            "UPDATE checkpoint_batches SET batch = set_byte(batch, 100, get_byte(batch, 100) # 1) WHERE number = 0",
        );
        let refused = deployment.try_start(&NEVER).err().expect("nothing is left to start from");
        assert_eq!(refused.status.code(), Some(5), "{name}: {}", refused.diagnostics);
        deployment.stop();
    }
}

/// If the latest checkpoint is damaged the one before is used; if that is damaged too, the history.
#[test]
fn a_damaged_checkpoint_in_a_table_is_not_used() {
    let deployment = deployment::postgres_on(PostgresServer::shared());
    let kvs = deployment.start(&[]);
    let (mut client, mut last) = (kvs.connect(), 0);
    assert_eq!(client.put("str-put/early", "value").status, 200);
    for _ in 0..3 {
        write_until_a_checkpoint(&kvs, &mut client, "last", &mut last);
    }
    kvs.kill();
    let bases = psql(&deployment, "SELECT string_agg(base::text, ' ' ORDER BY base) FROM checkpoints");
    let bases: Vec<u64> = bases.split(' ').map(|base| base.parse().expect("a base")).collect();
    for usable in [bases.first(), None] {
        // A bit of a batch of the latest one that is whole.
        let damage = "UPDATE checkpoint_batches SET batch = set_byte(batch, 100, get_byte(batch, 100) # 1) \
                      WHERE number = 0 AND checkpoint_id = (SELECT id FROM checkpoints WHERE base = ";
        let base = if usable.is_some() { bases[1] } else { bases[0] };
        psql(&deployment, &format!("{damage}{base})"));
        let (status, said) = deployment.inspect("verify");
        assert_eq!(status, Some(5), "{said}");
        assert!(said.contains("kvs: the log is damaged: table checkpoint_batches"), "{said}");
        let kvs = deployment.start(&NEVER);
        let said = kvs.lines.concat();
        assert!(said.contains("a checkpoint cannot be used"), "{said}");
        assert_eq!(loaded(&kvs).map(|line| number(line, "base")), usable.copied());
        let mut client = kvs.connect();
        assert_eq!(client.get("str-get/early").text(), "value");
        assert!(client.get("str-get/last").text().starts_with(&format!("{last}:")));
        kvs.kill();
    }
}
