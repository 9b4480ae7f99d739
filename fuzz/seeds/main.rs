//! Writes the seeds of the targets into `fuzz/corpus`: what kvs and txnd write and are sent themselves. Made again, they are
//! the same bytes.

mod calls;
mod files;
mod requests;

use std::path::Path;

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let targets = [
        ("batches", files::batches()),
        ("segments", files::logs()),
        ("transactions", calls::calls()),
        ("rest", requests::requests()),
        ("identities", requests::identities()),
    ];
    for (target, seeds) in targets {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes) in seeds {
            std::fs::write(folder.join(name), bytes).expect("a file");
        }
    }
}
