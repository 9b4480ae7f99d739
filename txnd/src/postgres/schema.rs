//! Which schema the log is in. A log is found by its tables, not by the role's search_path: a schema that is created later,
//! such as one with the role's name, must not hide the log and let an empty one begin.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::address::Address;
use super::errors::step;
use crate::SinkError;

/// Schemas with a log, among those that the role may use. A copy in a schema that this role has no access to is
/// ignored.
const FIND: &str = "SELECT n.nspname::text FROM pg_catalog.pg_namespace n WHERE has_schema_privilege(n.oid, 'USAGE') \
     AND 4 = (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') \
              AND c.relname IN ('_sqlx_migrations', 'producer', 'int_keys', 'integer_transactions'))";

/// The schema of the log at this address, or the schema for a new log.
pub(super) async fn find(address: &Address, connection: &mut PgConnection) -> Result<String, SinkError> {
    // A schema in the URL selects one of several logs.
    let narrowed = match address.names_schema() {
        true => " AND n.nspname = ANY (current_schemas(false))",
        false => "",
    };
    let select = format!("{FIND}{narrowed} ORDER BY 1");
    let rows = step(sqlx::Executor::fetch_all(&mut *connection, select.as_str())).await?;
    let mut found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    match found.len() {
        0 => {
            let row = step(sqlx::Executor::fetch_one(&mut *connection, "SELECT current_schema()::text")).await?;
            row.get::<Option<String>, _>(0).ok_or_else(|| {
                SinkError::Failed(format!(
                    "{address} has no schema for the tables: none in the search_path of {} exists; CREATE SCHEMA public",
                    address.user()
                ))
            })
        }
        1 => Ok(found.remove(0)),
        _ => Err(SinkError::Failed(format!(
            "{address} has a log in more than one schema: {}. Say which one in the URL, such as \
             ?options[search_path]={}, or drop or rename the others",
            found.join(", "),
            found[0]
        ))),
    }
}

/// A quoted SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
