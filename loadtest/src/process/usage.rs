//! Resource usage of processes, from `/proc`: CPU time and memory. Children count with their parents: nginx works in a
//! child.

use std::collections::HashSet;

/// CPU time, user and system, of these processes and all their descendants, in seconds. `None` if there are none.
///
/// The kernel counts it in ticks of usually 10 ms, so one second of it is precise to one percent.
pub(crate) fn cpu(pids: &[u32]) -> Result<Option<f64>, String> {
    if pids.is_empty() {
        return Ok(None);
    }
    let ticks: u64 = family(pids)?.iter().map(|process| process.ticks).sum();
    Ok(Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// CPU time of this process, in seconds.
pub(crate) fn cpu_of_this_process() -> Result<f64, String> {
    let me = std::process::id();
    let process = Process::read(me).ok_or("cannot read /proc/self/stat")?;
    Ok(process.ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory of these processes and all their descendants, in bytes.
pub(crate) fn resident(pids: &[u32]) -> Result<u64, String> {
    family(pids)?.iter().map(|process| resident_of(process.pid)).sum()
}

fn resident_of(pid: u32) -> Result<u64, String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).map_err(|e| format!("process {pid}: {e}"))?;
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| format!("process {pid} has no resident memory"))
}

#[derive(Clone, Copy, Debug)]
struct Process {
    pid: u32,
    parent: u32,
    ticks: u64,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(pid, &stat)
    }

    /// See proc_pid_stat(5).
    fn parse(pid: u32, stat: &str) -> Option<Self> {
        // The program's name, in parentheses, may contain anything. Fields are counted from the end of the name; the
        // third is next.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self { pid, parent: field(4)? as u32, ticks: field(14)? + field(15)? })
    }
}

fn family(pids: &[u32]) -> Result<Vec<Process>, String> {
    let listed = std::fs::read_dir("/proc").map_err(|e| format!("/proc: {e}"))?;
    let all: Vec<Process> = listed
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .collect();
    if let Some(missing) = pids.iter().find(|pid| all.iter().all(|process| process.pid != **pid)) {
        return Err(format!("the server's process {missing} is not there (any more)"));
    }
    let mut known: HashSet<u32> = pids.iter().copied().collect();
    loop {
        let before = known.len();
        known.extend(
            all.iter().filter(|process| known.contains(&process.parent)).map(|process| process.pid).collect::<Vec<_>>(),
        );
        if known.len() == before {
            return Ok(all.into_iter().filter(|process| known.contains(&process.pid)).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_stat() {
        let line = "42 (a) b) S 7 42 42 0 -1 4194304 100 0 0 0 11 22 33 44 20 0 1 0 100 1 1";
        let process = Process::parse(42, line).unwrap();
        assert_eq!((process.parent, process.ticks), (7, 33));
    }

    #[test]
    fn children_count_with_their_parents() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let mine = family(&[std::process::id()]).unwrap();
        assert!(mine.iter().any(|process| process.pid == child.id()));
        assert!(resident(&[std::process::id()]).unwrap() > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(cpu(&[child.id()]).is_err());
    }
}
