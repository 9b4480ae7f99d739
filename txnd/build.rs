//! Compiles the service's definition; no `protoc` is needed.

/// Folder of the definitions, from this crate's folder.
const ROOT: &str = "../proto";

/// The definition, from [`ROOT`].
const SERVICE: &str = "txn/v1/txn.proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={ROOT}/{SERVICE}");
    let definitions = protox::compile([SERVICE], [ROOT])?;
    // A batch is taken out of a message without being copied.
    tonic_prost_build::configure().bytes(".").compile_fds(definitions)?;
    Ok(())
}
