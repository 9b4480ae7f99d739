//! The machine on which a figure was measured.

use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Host {
    /// Model of the processor.
    pub(crate) cpu: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// System and its version.
    pub(crate) kernel: String,
    /// Memory in bytes.
    pub(crate) memory: u64,
}

impl Host {
    /// The current machine.
    pub(crate) fn this(cores: usize) -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (cpuinfo, meminfo) = (file("/proc/cpuinfo"), file("/proc/meminfo"));
        let after_colon = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let system = rustix::system::uname();
        let kib = after_colon(&meminfo, "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok());
        Self {
            cpu: after_colon(&cpuinfo, "model name").unwrap_or_else(|| "unknown processor".into()),
            cores,
            kernel: format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
            memory: kib.unwrap_or_default() << 10,
        }
    }

    /// A warning about other programs that use the processors now, if there are any: the measurement lacks the cache
    /// and CPU time that they take.
    pub(crate) fn disturbance() -> Option<String> {
        const QUIET: f64 = 0.5;
        let file = std::fs::read_to_string("/proc/loadavg").ok()?;
        let load: f64 = file.split_whitespace().next()?.parse().ok()?;
        (load > QUIET)
            .then(|| format!("note: other programs use the processors (load average {load:.1}); figures will vary"))
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        format!("{}, {} cores, {} GiB, {}", self.cpu, self.cores, self.memory >> 30, self.kernel)
    }
}
