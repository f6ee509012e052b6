//! What machine this is, in words.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};
use xtask::process;
use xtask::workspace::Workspace;

/// Above this load average a machine is not idle.
const IDLE: f64 = 0.5;

/// Where and with what it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Processor, cores, instructions, memory.
    pub(super) hardware: String,
    /// Of finetune: commit and compiler.
    pub(crate) program: String,
    /// The day, as `2026-01-31`.
    pub(crate) day: String,
    /// Processes that were waiting for a core before the first run, in the mean of a minute.
    pub(super) load: Option<f64>,
}

impl Machine {
    pub(crate) fn now(workspace: &Workspace) -> Self {
        let ask = |program: &str, words: &[&str]| {
            process::ask(Command::new(program).args(words).current_dir(&workspace.root))
        };
        let commit =
            ask("git", &["describe", "--always", "--dirty"]).unwrap_or_else(|| "no commit".to_owned());
        let compiler = ask("rustc", &["--version"]).unwrap_or_default();
        Self {
            hardware: hardware(
                &fs::read_to_string("/proc/cpuinfo").unwrap_or_default(),
                &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
            ),
            program: format!("commit {commit}, {compiler}"),
            day: ask("date", &["-u", "+%F"]).unwrap_or_default(),
            load: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| text.split(' ').next()?.parse().ok()),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.load.is_some_and(|load| load > IDLE)
    }
}

fn hardware(cpu: &str, memory: &str) -> String {
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim())
    };
    let model = field("model name").unwrap_or(std::env::consts::ARCH);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let flags: Vec<&str> = field("flags").unwrap_or_default().split(' ').collect();
    let known = [("avx2", "AVX2"), ("avx512f", "AVX-512"), ("avx512_bf16", "bf16"), ("amx_bf16", "AMX")];
    let has: Vec<&str> =
        known.iter().filter(|(flag, _)| flags.contains(flag)).map(|(_, name)| *name).collect();
    let kibibytes = memory.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()
    });
    let mut text = format!("{model}, {cores} cores");
    if !has.is_empty() {
        text += &format!(", {}", has.join(", "));
    }
    if let Some(kibibytes) = kibibytes {
        text += &format!(", {:.0} GB", kibibytes * 1024.0 / 1e9);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_is_named_as_far_as_it_is_known() {
        let text = hardware(
            "model name\t: A CPU\nflags\t\t: fpu avx2 avx512f amx_bf16\n",
            "MemTotal:  8000000 kB\n",
        );
        assert!(text.starts_with("A CPU, ") && text.ends_with("AVX2, AVX-512, AMX, 8 GB"), "{text}");
        assert!(hardware("", "").contains("cores"));
    }
}
