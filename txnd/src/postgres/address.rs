//! The URL of a database: what it may contain, and the connection options that follow from it.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// The expected form of a URL.
const FORM: &str = "postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/// Known parameters after the question mark; also `options[SETTING]`. Unknown parameters are rejected, because a
/// misspelled `sslmode` would connect without verifying the server.
const PARAMETERS: [&str; 20] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[...]",
    "statement-cache-capacity",
    PARTITION_RECORDS,
];

/// Parameter with the number of records in each partition of the history. It is ours, not PostgreSQL's.
const PARTITION_RECORDS: &str = "partition-records";

/// The default of it: 16 Mi records, 1 to 2 GiB of rows if they are small.
const DEFAULT_PARTITION_RECORDS: u64 = 16 << 20;

/// What it may be. Fewer would make so many partitions that each query takes long to plan.
const PARTITION_RECORDS_RANGE: RangeInclusive<u64> = 16..=1 << 40;

/// Environment variable with the default of `sslmode`.
const SSL_MODE_VARIABLE: &str = "PGSSLMODE";

/// The address of a database, and the user. Displayed without the password.
#[derive(Clone)]
pub(super) struct Address {
    /// Includes the password.
    url: String,
    shown: String,
    user: String,
    database: String,
    partition_records: u64,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(format!("expected {FORM}"));
        }
        if url.contains('#') {
            return Err("a # in the URL would cut off what follows it; write it as %23".into());
        }
        check_parameters(url)?;
        let partition_records = partition_records(url)?;
        let url = &*without_own_parameters(url);
        let ssl_mode = std::env::var(SSL_MODE_VARIABLE).unwrap_or_default();
        if !ssl_mode.is_empty() && PgSslMode::from_str(&ssl_mode).is_err() {
            return Err(format!(
                "{SSL_MODE_VARIABLE} is {ssl_mode:?}; expected disable, allow, prefer, require, verify-ca or verify-full"
            ));
        }
        let options = PgConnectOptions::from_str(url).map_err(|e| format!("{e}; expected {FORM}"))?;
        let user = options.get_username().to_string();
        let database = options.get_database().unwrap_or(&user).to_string();
        let shown = format!("postgres://{user}@{}:{}/{database}", options.get_host(), options.get_port());
        Ok(Self { url: url.into(), shown, user, database, partition_records })
    }
}

fn check_parameters(url: &str) -> Result<(), String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        let names_option = name.starts_with("options[") && name.ends_with(']');
        if !names_option && !PARAMETERS.contains(&&*name) {
            // The value is not shown: it may be a password with an unencoded ampersand. For the same reason the name is
            // not shown in full.
            let known = PARAMETERS.join(", ");
            let name: String = name.chars().take(MAX_SHOWN_CHARS).collect();
            return Err(format!("unknown parameter {name:?} in the URL; known are: {known}"));
        }
    }
    Ok(())
}

/// The value of [`PARTITION_RECORDS`].
fn partition_records(url: &str) -> Result<u64, String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some((name, value)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == PARTITION_RECORDS)
    else {
        return Ok(DEFAULT_PARTITION_RECORDS);
    };
    let (least, most) = PARTITION_RECORDS_RANGE.into_inner();
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{name} in the URL: a number of records from {least} to {most} is expected"))
}

/// The URL as PostgreSQL's library knows it.
fn without_own_parameters(url: &str) -> Cow<'_, str> {
    let Some((address, query)) = url.split_once('?') else { return Cow::Borrowed(url) };
    let is_own = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| name == PARTITION_RECORDS);
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_own(pair)).collect();
    Cow::Owned(format!("{address}?{}", rest.join("&")))
}

/// Characters of an unknown parameter's name that are shown.
const MAX_SHOWN_CHARS: usize = 32;

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

impl Address {
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Number of records in each partition of the history.
    pub(super) fn partition_records(&self) -> u64 {
        self.partition_records
    }

    /// The options for a connection. Determined for every connection, because PGPASSFILE may have another password by
    /// then. The files of certificates and keys are read during the TLS handshake.
    pub(super) fn options(&self) -> Result<PgConnectOptions, String> {
        let options = PgConnectOptions::from_str(&self.url).map_err(|e| e.to_string())?;
        let options = options.application_name("kvs").disable_statement_logging();
        // Poolers reject start-up parameters that they do not know, and floats are never requested as text.
        Ok(options.extra_float_digits(None).statement_cache_capacity(0))
    }

    /// Whether the URL or PGOPTIONS sets the schema of the tables.
    pub(super) fn names_schema(&self) -> bool {
        self.options().is_ok_and(|options| options.get_options().is_some_and(|given| given.contains("search_path")))
    }
}
