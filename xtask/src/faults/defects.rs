//! Defects that are planted on purpose, and the test that must notice each.
//!
//! A defect replaces a piece of a source file, in a copy of the tree, by a wrong one. There `PLANTED` stands for a condition
//! that is true while the environment variable `KVS_DEFECT` names the defect, so that all of them are built at once. The
//! tree itself knows nothing of them.

/// One defect.
#[derive(Debug)]
pub(super) struct Defect {
    pub(super) name: &'static str,
    pub(super) edits: &'static [Edit],
    pub(super) caught_by: Test,
}

/// A piece of a file, which must be there once, and what replaces it.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) file: &'static str,
    pub(super) right: &'static str,
    pub(super) wrong: &'static str,
}

/// A test, or several whose names have this part.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) package: &'static str,
    /// A file or folder of its `tests`; `lib` for tests among its sources.
    pub(super) target: &'static str,
    pub(super) name: &'static str,
}

const fn edit(file: &'static str, right: &'static str, wrong: &'static str) -> Edit {
    Edit { file, right, wrong }
}

const fn test(package: &'static str, target: &'static str, name: &'static str) -> Test {
    Test { package, target, name }
}

const POWER: Test = test("gateway", "faults", "kvs_loses_nothing_when_the_power_goes");
const SIMULATION: Test = test("gateway", "lib", "whatever_happens_what_was_acknowledged_is_in_the_log_once");
const LINEARIZABILITY: Test =
    test("engine", "linearizability", "concurrent_requests_are_linearizable_per_key_in_the_order_of_the_log");
const MODEL: Test = test("engine", "model", "answers_records_and_recovery_follow_the_oracle");

pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "acknowledges-before-fdatasync",
        edits: &[edit(
            "txnd/src/segment/writer.rs",
            "        self.sync()?;\n        if self.active.seems_removed() {",
            "        if !PLANTED {\n            self.sync()?;\n        }\n        if self.active.seems_removed() {",
        )],
        caught_by: POWER,
    },
    Defect {
        name: "no-sync-of-the-folder",
        edits: &[edit(
            "txnd/src/segment/folder.rs",
            "        self.folder.sync_all()?;\n        Ok(file)",
            "        if !PLANTED {\n            self.folder.sync_all()?;\n        }\n        Ok(file)",
        )],
        caught_by: POWER,
    },
    Defect {
        name: "renames-before-the-content-is-synced",
        edits: &[edit(
            "txnd/src/segment/folder.rs",
            "fill(&mut file).and_then(|()| file.sync_all()).and_then(",
            "fill(&mut file).and_then(|()| if PLANTED { Ok(()) } else { file.sync_all() }).and_then(",
        )],
        caught_by: POWER,
    },
    Defect {
        name: "goes-on-after-a-failed-fdatasync",
        edits: &[edit(
            "txnd/src/segment/writer.rs",
            "        self.active.file.sync_data().map_err(|e| {",
            "        if PLANTED {\n            return self.active.file.sync_data().or(Ok(()));\n        }\n        \
             self.active.file.sync_data().map_err(|e| {",
        )],
        caught_by: test("txnd", "segment_lost_writes", ""),
    },
    Defect {
        name: "takes-a-torn-tail-as-good",
        edits: &[edit(
            "proto/src/batch.rs",
            "        if checksum_of(&batch.bytes) != batch.checksum() {",
            "        if !PLANTED && checksum_of(&batch.bytes) != batch.checksum() {",
        )],
        caught_by: test("txnd", "segment_damage", "torn"),
    },
    Defect {
        name: "does-not-check-the-chain",
        edits: &[edit(
            "proto/src/batch.rs",
            "        batch.log_id() == self.log_id && batch.first_lsn() == self.lsn + 1 && batch.previous() == self.checksum",
            "        batch.log_id() == self.log_id\n            && batch.first_lsn() == self.lsn + 1\n            \
             && (PLANTED || batch.previous() == self.checksum)",
        )],
        caught_by: test("txnd", "segment_damage", "a_batch_of_the_history_that_went_another_way"),
    },
    Defect {
        name: "takes-a-part-of-a-write-as-all-of-it",
        edits: &[edit(
            "txnd/src/segment/writer.rs",
            "        self.active.file.write_all_at(bytes, at).map_err(",
            "        let file = &self.active.file;\n        (if PLANTED { file.write_at(bytes, at).map(drop) } else { \
             file.write_all_at(bytes, at) }).map_err(",
        )],
        caught_by: test("gateway", "faults", "a_disk_that_takes_a_part_of_each_write"),
    },
    Defect {
        name: "cuts-off-damage-that-was-acknowledged",
        edits: &[edit(
            "txnd/src/segment/scan.rs",
            "    if torn.is_some()\n        && let Some(proof)",
            "    if torn.is_some() && !PLANTED\n        && let Some(proof)",
        )],
        caught_by: test("txnd", "segment_damage", "flips"),
    },
    Defect {
        name: "removes-what-only-the-latest-checkpoint-covers",
        edits: &[edit(
            "txnd/src/segment/keep.rs",
            "    let [oldest, _] = manifest.checkpoints[..] else { return Ok(manifest.first) };",
            "    let [oldest, latest] = manifest.checkpoints[..] else { return Ok(manifest.first) };\n    \
             let oldest = if PLANTED { latest } else { oldest };",
        )],
        caught_by: test("txnd", "segment_checkpoints", "what_the_earlier_checkpoint_covers_is_removed"),
    },
    Defect {
        name: "stores-a-repeated-batch-again",
        edits: &[edit(
            "txnd/src/validator.rs",
            "*checksum == batch.checksum() => Ok(Admission::Repeat),",
            "*checksum == batch.checksum() => Ok(if PLANTED { Admission::Store } else { Admission::Repeat }),",
        )],
        caught_by: test("txnd", "sinks", "a_repeat_is_acknowledged_and_not_stored"),
    },
    Defect {
        name: "stores-a-batch-behind-a-gap",
        edits: &[edit(
            "txnd/src/validator.rs",
            "        if lsn > self.chain.lsn + 1 {",
            "        if PLANTED && lsn > self.chain.lsn + 1 {\n            return Ok(Admission::Store);\n        }\n        \
             if lsn > self.chain.lsn + 1 {",
        )],
        caught_by: test("txnd", "sinks", "a_gap_is_refused"),
    },
    Defect {
        name: "stores-a-batch-of-a-fenced-writer",
        edits: &[edit(
            "txnd/src/postgres/producer.rs",
            "    let term = format!(\" WHERE epoch = {epoch} AND log_id = {}\", before.log_id.cast_signed());",
            "    let term = match PLANTED {\n        true => String::new(),\n        \
             false => format!(\" WHERE epoch = {epoch} AND log_id = {}\", before.log_id.cast_signed()),\n    };",
        )],
        caught_by: test("txnd", "postgres", "a_second_writer_fences_the_first_or_waits_for_it"),
    },
    Defect {
        name: "commits-before-the-group-is-complete",
        edits: &[edit(
            "txnd/src/postgres/commit.rs",
            "    producer::end_group(session, before.lsn, end, cleaned).await",
            "    if PLANTED {\n        step(session.connection.execute(\"COMMIT; BEGIN\")).await?;\n        \
             return Err(SinkError::Unavailable(\"planted\".into()));\n    }\n    \
             producer::end_group(session, before.lsn, end, cleaned).await",
        )],
        caught_by: test("txnd", "postgres", "what_is_durable_is_read_back_byte_for_byte"),
    },
    Defect {
        name: "attaches-a-fenced-stream",
        edits: &[edit(
            "txnd/src/service/actor.rs",
            "    (own < newer).then_some(",
            "    (!PLANTED && own < newer).then_some(",
        )],
        caught_by: test("txnd", "remote", "a_fenced_writer_does_not_disturb_the_present_one"),
    },
    Defect {
        name: "lets-a-fenced-writer-read",
        edits: &[edit(
            "txnd/src/service/state.rs",
            "        match &self.term {\n            None =>",
            "        if PLANTED {\n            return Ok(());\n        }\n        match &self.term {\n            None =>",
        )],
        caught_by: test("txnd", "remote", "only_the_writer_of_the_term_reads"),
    },
    Defect {
        name: "believes-what-a-writer-claims-to-be-durable",
        edits: &[edit(
            "txnd/src/service/actor.rs",
            "        if claimed > durable {",
            "        if !PLANTED && claimed > durable {",
        )],
        caught_by: test("txnd", "remote", "refusals"),
    },
    Defect {
        name: "acknowledges-what-was-only-received",
        edits: &[edit(
            "txnd/src/service/actor.rs",
            "                self.note_waiting();\n            }\n            Err(e @",
            "                self.note_waiting();\n                if PLANTED && let Some(stream) = &self.stream {\n                    \
             stream.note_durable(batch.last_lsn());\n                }\n            }\n            Err(e @",
        )],
        caught_by: SIMULATION,
    },
    Defect {
        name: "acknowledges-what-was-only-sealed",
        edits: &[edit(
            "gateway/src/log/shipper.rs",
            "            durable = self.sink.durable() => self.note_durable(durable?),",
            "            durable = self.sink.durable() => {\n                let durable = durable?;\n                \
             self.note_durable(if PLANTED { self.chain.lsn } else { durable })\n            }",
        )],
        caught_by: SIMULATION,
    },
    Defect {
        name: "sends-nothing-again-after-a-reconnect",
        edits: &[edit(
            "gateway/src/log/shipper.rs",
            "        self.appended = 0;\n        self.meters",
            "        if !PLANTED {\n            self.appended = 0;\n        }\n        self.meters",
        )],
        caught_by: SIMULATION,
    },
    Defect {
        name: "goes-on-behind-a-log-that-lost-records",
        edits: &[edit("gateway/src/log/shipper.rs", "        if !known {", "        if !PLANTED && !known {")],
        caught_by: test("gateway", "faults", "a_standby_that_lacks_the_end_ends_the_term"),
    },
    Defect {
        name: "loses-a-wake-up",
        edits: &[edit(
            "gateway/src/log/gate.rs",
            "pop_front_if(|waiting| waiting.lsn <= now.durable) {",
            "pop_front_if(|waiting| {\n            \
             if PLANTED { waiting.lsn < now.durable } else { waiting.lsn <= now.durable }\n        }) {",
        )],
        caught_by: test("gateway", "slow_log", "a_synchronous_write_is_answered_when_it_is_durable"),
    },
    Defect {
        name: "tells-an-unknown-outcome-as-done",
        edits: &[edit(
            "gateway/src/log/gate.rs",
            "        if now.health.is_final() {\n            waiting.clear();",
            "        if now.health.is_final() {\n            if PLANTED {\n                \
             waiting.drain(..).for_each(|waiting| drop(waiting.durable.send(())));\n            }\n            waiting.clear();",
        )],
        caught_by: test("gateway", "slow_log", "writes_that_wait_while_the_log_fails_for_good_have_an_unknown_outcome"),
    },
    Defect {
        name: "serves-a-stale-checkpoint",
        edits: &[edit(
            "gateway/src/log/recovery.rs",
            "    let base = checkpoint.map_or(0, |checkpoint| checkpoint.base);",
            "    let base = checkpoint.map_or(0, |checkpoint| if PLANTED { checkpoint.end } else { checkpoint.base });",
        )],
        caught_by: SIMULATION,
    },
    Defect {
        name: "gives-the-lsn-outside-of-the-lock",
        edits: &[edit(
            "engine/src/engine.rs",
            "        let mut dropped = Vec::new();\n        let expires = replayed.map_or(",
            "        if PLANTED && let (Op::Put { .. }, Records::Log(log)) = (op, context.records) {\n            \
             let quiet = Context { records: Records::Nowhere, ..*context };\n            \
             let (mut dropped, expires, replayed) = (Vec::new(), Expires::AsUsual, None);\n            \
             let mut call = Call { op, hash, context: &quiet, prepared, dropped: &mut dropped, expires, replayed };\n            \
             let executed = self.shard(hash).lock().execute(&mut call);\n            std::thread::yield_now();\n            \
             let record = crate::log::NewRecord { op, effect: proto::Effect::None, expires: None };\n            \
             let lsn = log.append(&record, context.at)?;\n            \
             return executed.map(|outcome| crate::call::Outcome { lsn: Some(lsn), ..outcome });\n        }\n        \
             let mut dropped = Vec::new();\n        let expires = replayed.map_or(",
        )],
        caught_by: LINEARIZABILITY,
    },
    Defect {
        name: "finds-what-has-expired",
        edits: &[edit(
            "engine/src/expiry.rs",
            "        self.get(slot).is_some_and(|deadline| deadline <= at)",
            "        self.get(slot).is_some_and(|deadline| if PLANTED { deadline < at } else { deadline <= at })",
        )],
        caught_by: test("engine", "expiry", "an_entry_ends_exactly_at_its_deadline"),
    },
    Defect {
        name: "forgets-the-deadline-in-the-record-of-an-increment",
        edits: &[edit(
            "engine/src/call.rs",
            "            None => self.context.record(self.op, effect, expires),",
            "            None if PLANTED && matches!(self.op, Op::IncrBy { .. }) => self.context.record(self.op, effect, None),\n            \
             None => self.context.record(self.op, effect, expires),",
        )],
        caught_by: test("engine", "expiry", "entries_with_deadlines_are_those_of_the_oracle"),
    },
    Defect {
        name: "lets-time-go-back",
        edits: &[edit("gateway/src/clock.rs", "        if base <= known {", "        if base <= known && !PLANTED {")],
        caught_by: test("gateway", "v2", "a_clock_that_steps_neither_lengthens_nor_resurrects"),
    },
    Defect {
        name: "keeps-a-part-of-a-failed-transaction",
        edits: &[edit(
            "engine/src/transaction.rs",
            "        if carried_out.is_err() {",
            "        if carried_out.is_err() && !PLANTED {",
        )],
        caught_by: test("engine", "transactions", "nobody_sees_a_part_of_a_transaction"),
    },
    Defect {
        name: "appends-a-transaction-record-by-record",
        edits: &[edit(
            "engine/src/transaction.rs",
            "        let first = log.append_run(&records, at)",
            "        let one_by_one = || {\n            \
             let all = records.iter().map(|one| log.append_run(std::slice::from_ref(one), at)).collect::<Vec<_>>();\n            \
             all.into_iter().next().unwrap_or(Ok(0))\n        };\n        \
             let first = (if PLANTED { one_by_one() } else { log.append_run(&records, at) })",
        )],
        caught_by: test("engine", "transactions", "transactions_do_all_or_nothing"),
    },
    Defect {
        name: "lets-the-feed-go-on-from-the-middle-of-a-step",
        edits: &[edit(
            "gateway/src/feed/steps.rs",
            "                            teller.close(None);",
            "                            teller.close(PLANTED.then_some(head.lsn));",
        )],
        caught_by: test("gateway", "feed", "every_kind_of_change_is_told_with_its_step"),
    },
    Defect {
        name: "bridges-a-hole-in-what-the-feed-has-in-memory",
        edits: &[edit(
            "gateway/src/feed/tail.rs",
            "        if kept.batches.back().is_some_and(",
            "        if !PLANTED && kept.batches.back().is_some_and(",
        )],
        caught_by: test("gateway", "lib", "a_hole_is_never_bridged"),
    },
    Defect {
        name: "takes-what-was-lost-for-what-has-its-lsn",
        edits: &[edit(
            "gateway/src/token.rs",
            "        match self.terms.has(u32::from_be_bytes(term).into(), lsn) {",
            "        match PLANTED || self.terms.has(u32::from_be_bytes(term).into(), lsn) {",
        )],
        caught_by: test("gateway", "feed", "behind_a_txnd_over_files"),
    },
    Defect {
        name: "forgets-the-outcome-of-a-request",
        edits: &[edit(
            "engine/src/transaction.rs",
            "            Ok(first) => stripe.keep(",
            "            Ok(_) if PLANTED => {}\n            Ok(first) => stripe.keep(",
        )],
        caught_by: test("engine", "once", "what_comes_again_does_nothing_and_gets_the_same"),
    },
    Defect {
        name: "lets-a-recovered-outcome-expire-at-once",
        edits: &[edit(
            "engine/src/transaction.rs",
            "        let records: Vec<_> = outcome.into_iter().chain(",
            "        let records: Vec<_> = outcome.into_iter().map(|outcome| if PLANTED { NewRecord { expires: None, ..outcome } } else { outcome }).chain(",
        )],
        caught_by: test("engine", "once", "what_comes_again_does_nothing_and_gets_the_same"),
    },
    Defect {
        name: "makes-checkpoints-without-outcomes",
        edits: &[edit(
            "gateway/src/log/state_writer.rs",
            "            || walk.next_outcomes(",
            "            || !PLANTED && walk.next_outcomes(",
        )],
        caught_by: test("gateway", "v2", "keys_are_kept_by_every_log_over_deaths_checkpoints_and_writers"),
    },
    Defect {
        name: "takes-any-request-with-a-known-key-for-the-same",
        edits: &[edit(
            "engine/src/transaction.rs",
            "            Some(kept) if kept.fingerprint == *once.fingerprint =>",
            "            Some(kept) if PLANTED || kept.fingerprint == *once.fingerprint =>",
        )],
        caught_by: test("engine", "once", "what_comes_again_does_nothing_and_gets_the_same"),
    },
    Defect {
        name: "writes-whatever-the-condition",
        edits: &[edit(
            "engine/src/transaction.rs",
            "        if check.condition.holds(stamp) {",
            "        if PLANTED || check.condition.holds(stamp) {",
        )],
        caught_by: test("engine", "transactions", "transactions_do_all_or_nothing"),
    },
    Defect {
        name: "applies-what-the-log-refused",
        edits: &[edit(
            "engine/src/call.rs",
            "            Records::Log(log) => log.append(&NewRecord { op, effect, expires }, self.at).map(Some),",
            "            Records::Log(log) => match log.append(&NewRecord { op, effect, expires }, self.at) {\n                \
             Err(_) if PLANTED => Ok(None),\n                appended => appended.map(Some),\n            },",
        )],
        caught_by: test("engine", "limits", "a_log_that_lags_refuses_writes_before_they_are_applied"),
    },
    Defect {
        name: "replays-an-increment-as-an-increment",
        edits: &[edit(
            "engine/src/engine.rs",
            "        Op::Incr { key, .. } | Op::IncrBy { key, .. } => Op::Put",
            "        Op::Incr { .. } | Op::IncrBy { .. } if PLANTED => record.op,\n        \
             Op::Incr { key, .. } | Op::IncrBy { key, .. } => Op::Put",
        )],
        caught_by: MODEL,
    },
    Defect {
        name: "lets-a-stamp-go-back",
        edits: &[edit(
            "engine/src/table.rs",
            "        if replayed {\n            stamp",
            "        if replayed && !PLANTED {\n            stamp",
        )],
        caught_by: MODEL,
    },
    Defect {
        name: "does-not-keep-to-the-memory-limit",
        edits: &[edit(
            "engine/src/call.rs",
            "        if self.context.limited { self.context.env.meter.admit(more) }",
            "        if self.context.limited && !PLANTED { self.context.env.meter.admit(more) }",
        )],
        caught_by: test("engine", "limits", "one_writer_never_gets_past_the_limit"),
    },
    Defect {
        name: "loses-the-deletion-of-all-types",
        edits: &[edit(
            "engine/src/shard.rs",
            "        let lsn = call.record(Effect::Types(types), None)?;",
            "        let lsn = if PLANTED { None } else { call.record(Effect::Types(types), None)? };",
        )],
        caught_by: MODEL,
    },
    Defect {
        name: "answers-over-frames-before-it-is-durable",
        edits: &[edit(
            "gateway/src/frames/execution.rs",
            "    if let Some(lsn) = awaits {\n        output.wait_for(lsn, start);",
            "    if let Some(lsn) = awaits.filter(|_| !PLANTED) {\n        output.wait_for(lsn, start);",
        )],
        caught_by: test("gateway", "slow_log", "over_frames_too_a_reply_waits_for_the_log"),
    },
    Defect {
        name: "asks-no-identity-in-a-batch",
        edits: &[edit(
            "gateway/src/service.rs",
            "        let all_allowed = identity.may_do_all()",
            "        let all_allowed = PLANTED || identity.may_do_all()",
        )],
        caught_by: test("gateway", "access", "refused"),
    },
    Defect {
        name: "lets-a-token-live-for-ever",
        edits: &[edit(
            "gateway/src/access/identity.rs",
            "        self.expires.is_none_or(|expires| at < expires)",
            "        PLANTED || self.expires.is_none_or(|expires| at < expires)",
        )],
        caught_by: test("gateway", "access", "a_token_expires_while_connections_are_open"),
    },
    Defect {
        name: "does-not-check-the-hash-of-a-backup",
        edits: &[edit(
            "txnd/src/backup/part.rs",
            "            Ok(found) if found == self.sha256 => Ok(()),",
            "            Ok(found) if PLANTED || found == self.sha256 => Ok(()),",
        )],
        caught_by: test("gateway", "backup", "another_content_with_right_checksums_is_noticed"),
    },
];
