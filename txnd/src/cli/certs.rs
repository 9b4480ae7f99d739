//! `txnd certs` and `kvs certs`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::tls::certs::{self, Made, Request, Set};

/// Longest validity of certificates, in days.
const MAX_DAYS: i64 = 36_500;

/// Which certificates to make. No file is overwritten unless --renew is given.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Certs {
    /// The folder; it is created if missing
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Another DNS name or IP address of the server, besides its own name, localhost, 127.0.0.1 and ::1; may be repeated
    #[arg(long, value_name = "NAME")]
    pub server_name: Vec<String>,

    /// Validity of the two certificates, in days; the CA is valid for ten years, and they never outlive it
    #[arg(long, default_value_t = 825, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS), value_name = "DAYS")]
    pub days: u32,

    /// Do nothing if the set is complete and valid
    #[arg(long)]
    pub keep: bool,

    /// Replace the two certificates if there is a CA; with --keep, only if less than 30 days are left
    #[arg(long)]
    pub renew: bool,
}

/// Makes the certificates of `set`, and says what was made and who gets it.
pub fn run(program: &str, args: Certs, set: Set) -> ExitCode {
    let Certs { folder, server_name, days, keep, renew } = args;
    let request = Request { set, folder, server_names: server_name, days, keep, renew };
    let (folder, Set { server, client, .. }) = (request.folder.display(), set);
    match certs::make(&request) {
        Ok(Made::Everything) => println!(
            "made a CA, {server}'s certificate and {client}'s in {folder}. Give {server} its ca.pem, {server}.pem and {server}.key, \
             {client} its ca.pem, {client}.pem and {client}.key; keep ca.key on neither of their machines"
        ),
        Ok(Made::Certificates) => {
            println!("made new certificates for {server} and {client} in {folder}, under the existing CA");
        }
        Ok(Made::Nothing) => {}
        Err(e) => {
            eprintln!("{program} certs: {e}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
