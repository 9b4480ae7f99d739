//! `kvs token`: makes, lists and revokes identities.

use std::io::Write;

use proto::ValueType;

use super::error::ToolError;
use crate::access::Grant;
use crate::access::file::{self, IdentitiesError, NewIdentity};
use crate::clock;
use crate::config::{Config, NewToken, TokenCommand};

pub(super) fn run(config: &Config, command: &TokenCommand, out: &mut impl Write) -> Result<(), ToolError> {
    let Some(path) = &config.identities else {
        let what = "say which file of identities with `--identities FILE`, the same as for the server";
        return Err(IdentitiesError::Unusable(what.into()).into());
    };
    match command {
        TokenCommand::New(NewToken { name, scope, types, prefix, expires, certificate }) => {
            let mut grant = Grant::of(*scope).with_prefix(prefix);
            if !types.is_empty() {
                grant = grant.with_types(types.iter().copied());
            }
            let new = NewIdentity { name, grant, expires: *expires, certificate: certificate.as_deref() };
            // Only the token, so that a script can store it.
            if let Some(token) = file::add(path, &new)? {
                writeln!(out, "{token}")?;
            }
        }
        TokenCommand::List => {
            let identities = file::all(path)?;
            let name_width =
                identities.iter().map(|(identity, _)| identity.name().len()).max().unwrap_or_default().max(4);
            writeln!(
                out,
                "{:<name_width$}  {:<16}  {:<22}  {:<20}  {:<12}  PREFIX",
                "NAME", "SCOPES", "TYPES", "EXPIRES", "PROOF"
            )?;
            for (identity, proof) in identities {
                let grant = identity.grant();
                let types: Vec<&str> = grant.types().map(ValueType::name).collect();
                let types = if types.len() == ValueType::ALL.len() { "all".into() } else { types.join(",") };
                let expires = identity.expires().map_or("never".into(), |at| clock::shown(at).to_string());
                let line = format!(
                    "{:<name_width$}  {:<16}  {types:<22}  {expires:<20}  {proof:<12}  {}",
                    identity.name(),
                    grant.scopes().to_string(),
                    grant.prefix(),
                );
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        TokenCommand::Revoke { name } => file::remove(path, name)?,
    }
    Ok(())
}
