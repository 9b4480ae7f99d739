//! Which cores a thread or process may run on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Cores that this process may use.
pub(crate) fn available() -> Result<Vec<usize>, String> {
    let set = sched_getaffinity(None).map_err(|e| format!("sched_getaffinity: {e}"))?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

/// Pins the calling thread, and what it starts from now on, to these cores.
pub(crate) fn this_thread(cores: &[usize]) -> Result<(), String> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    sched_setaffinity(None, &set).map_err(|e| format!("cannot run on the cores {cores:?}: {e}"))
}

/// The cores of the server and of the load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    /// The server's.
    pub(crate) server: Vec<usize>,
    /// Those of the load.
    pub(crate) load: Vec<usize>,
}

impl Cores {
    /// The first `server` of the available cores are for the server, the others for the load. If there are not enough,
    /// the load shares them: CPU time per operation still says what the server costs, but latency and throughput say
    /// less.
    pub(crate) fn split(available: &[usize], server: usize) -> Self {
        let (first, rest) = available.split_at(server.clamp(1, available.len()));
        Self { server: first.to_vec(), load: if rest.is_empty() { available.to_vec() } else { rest.to_vec() } }
    }

    /// Whether the load has cores of its own.
    pub(crate) fn apart(&self) -> bool {
        self.load.iter().all(|core| !self.server.contains(core))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_split() {
        assert_eq!(Cores::split(&[0, 1, 3], 1), Cores { server: vec![0], load: vec![1, 3] });
        assert_eq!(Cores::split(&[0, 1], 2), Cores { server: vec![0, 1], load: vec![0, 1] });
        assert!(Cores::split(&[0, 1], 1).apart() && !Cores::split(&[5], 1).apart());
    }

    #[test]
    fn a_thread_is_pinned() {
        std::thread::spawn(|| {
            let core = available().unwrap()[0];
            this_thread(&[core]).unwrap();
            assert_eq!(available().unwrap(), [core]);
        })
        .join()
        .unwrap();
    }
}
