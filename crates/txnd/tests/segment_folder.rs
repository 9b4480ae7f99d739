//! The folder of a segmented log: whose files it may hold, who may read it, and what happens when it is taken away.

mod log_folder;
mod writer;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use log_folder::{Files, begin, files_with, last_segment, now, quick_folder, recover, write_segments};
use txnd::SinkError;
use writer::{Content, put_text, seed};

/// Runs the test `name` of this program in a process of its own, by the shell command `run`, in which `"$@"` stands for it. The
/// test finds `folder` in the environment.
fn in_a_process(name: &str, run: &str, folder: &Path) {
    let exe = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new("sh");
    command.args(["-c", run, "sh"]).arg(exe).args(["--exact", name, "--nocapture"]).env(FOLDER, folder);
    let output = command.output().expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Set for a process that a test has started, to the folder that it works on.
const FOLDER: &str = "KVS_TEST_FOLDER";

mod foreign_files {
    use super::*;

    /// Names that a careless pattern would take for the log's.
    const NAMES: [&str; 6] =
        ["thesis.tmp", "MANIFEST.old", "notes.seg.tmp", "00000000000000000001.seg.torn-x.tmp", ".hidden", "data"];

    #[test]
    fn a_folder_that_holds_some_and_no_log_is_refused_and_left_as_it_was() {
        for name in NAMES {
            let folder = quick_folder();
            std::fs::write(folder.path().join(name), "not the log's").unwrap();
            let before = Files::of(folder.path());
            let refused = begin(folder.path()).unwrap_err();
            assert!(matches!(refused, SinkError::Failed(_)), "{refused}");
            let message = refused.to_string();
            assert!(message.contains(name) && message.contains("a folder of its own"), "{message}");
            assert!(message.contains(&folder.path().display().to_string()), "{message}");
            assert!(Files::of(folder.path()) == before, "{name}: the folder was changed");
        }
    }

    #[test]
    fn those_that_come_to_a_log_stay() {
        let folder = quick_folder();
        let batches = write_segments(folder.path(), 2, &mut Content::new(seed()), log_folder::Ending::Killed);
        for name in NAMES {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let elsewhere = quick_folder();
        let target = elsewhere.path().join("target");
        std::fs::write(&target, "not the log's").unwrap();
        // It has the name of an unfinished segment, and is no file.
        let link = folder.path().join("00000000000000000099.seg.tmp");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        std::fs::create_dir(folder.path().join("00000000000000000098.seg.tmp")).unwrap();
        for _ in 0..2 {
            assert!(recover(folder.path()) == Ok(batches.clone()));
        }
        for name in NAMES {
            assert_eq!(std::fs::read_to_string(folder.path().join(name)).ok().as_deref(), Some(name));
        }
        assert_eq!(std::fs::read_link(&link).unwrap(), target);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "not the log's");
        assert!(folder.path().join("00000000000000000098.seg.tmp").is_dir());
    }

    #[test]
    fn a_new_file_system_holds_none() {
        let folder = quick_folder();
        std::fs::create_dir(folder.path().join("lost+found")).unwrap();
        let mut writer = begin(folder.path()).unwrap();
        let batch = now(writer.append(&[put_text("k", 1)]));
        now(writer.make_durable());
        drop(writer);
        assert_eq!(recover(folder.path()), Ok(vec![batch]));
        assert!(folder.path().join("lost+found").is_dir());
    }
}

mod modes {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// Writes a log of several segments, with a torn tail that is kept, and checks the mode of every file.
    fn files_are_private(folder: &Path) {
        write_segments(folder, 3, &mut Content::new(1), log_folder::Ending::Killed);
        log_folder::edit(&last_segment(folder), |bytes| {
            let end = log_folder::data_end(bytes);
            bytes[end + 10] = 1;
        });
        recover(folder).unwrap();
        assert_eq!(log_folder::torn_tails(folder).len(), 1);
        for file in files_with(folder, |_| true) {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[test]
    fn what_is_created_is_private_whatever_the_umask() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            let folder = Path::new(&folder);
            files_are_private(folder);
            for created in [folder, folder.parent().unwrap()] {
                assert_eq!(mode(created), 0o700, "{}", created.display());
            }
            return;
        }
        for umask in ["000", "022", "077", "277", "777"] {
            let home = quick_folder();
            let run = format!("umask {umask}; exec \"$@\"");
            in_a_process("modes::what_is_created_is_private_whatever_the_umask", &run, &home.path().join("above/log"));
        }
    }

    #[test]
    fn a_folder_that_is_there_keeps_its_mode() {
        let folder = quick_folder();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o750)).unwrap();
        files_are_private(folder.path());
        assert_eq!(mode(folder.path()), 0o750);
    }
}
