//! What is there, what is missing, and the command that mends it: findings, and those that hold for any machine.

use std::path::Path;
use std::process::Command;

use crate::{Caller, disk, process};

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Some commands would fail, or be slow.
    Lacking,
    /// Nothing works without it.
    Missing,
}

/// One line of the report.
#[derive(Debug)]
pub struct Finding {
    /// What it is about.
    pub name: &'static str,
    /// How good it is.
    pub state: State,
    /// What was found.
    pub what: String,
    /// The command that mends it; empty when it is good.
    pub mend: String,
}

impl Finding {
    /// One that is as it should be.
    #[must_use]
    pub fn good(name: &'static str, what: impl Into<String>) -> Self {
        Self { name, state: State::Good, what: what.into(), mend: String::new() }
    }

    /// One without which some commands would fail, or be slow.
    #[must_use]
    pub fn lacking(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state: State::Lacking, what: what.into(), mend: mend.into() }
    }

    /// One without which nothing works.
    #[must_use]
    pub fn missing(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state: State::Missing, what: what.into(), mend: mend.into() }
    }
}

/// Prints the findings on stdout; returns whether something is missing without which nothing works.
#[must_use]
pub fn report(findings: &[Finding]) -> bool {
    for finding in findings {
        anstream::print!("{}", shown(finding));
    }
    findings.iter().any(|finding| finding.state == State::Missing)
}

/// Returns what holds for any machine: weights, images, free space, processor cores and memory, platform. `room` is what both disks
/// should have free, in bytes; a machine with less than `memory` bytes gets the command `mend`.
#[must_use]
pub fn of_machine(caller: &Caller<'_>, room: u64, memory: u64, mend: &str) -> Vec<Finding> {
    let here = if caller.root.as_os_str().is_empty() { Path::new(".") } else { &caller.root };
    let command = |words: &str| format!("{} {words}", caller.name);
    vec![
        folder_of(&here.join("weights"), "weights", is_weights, &command("fetch-weights")),
        folder_of(&here.join("data"), "data", Path::is_dir, &command("fetch-data hymenoptera_data")),
        space("disk (here)", here, room),
        cache(room),
        machine(memory, mend),
        platform(),
    ]
}

fn shown(finding: &Finding) -> String {
    let (mark, colour) = match finding.state {
        State::Good => ("ok", anstyle::AnsiColor::Green),
        State::Lacking => ("--", anstyle::AnsiColor::Yellow),
        State::Missing => ("NO", anstyle::AnsiColor::Red),
    };
    let style = colour.on_default().bold();
    let mut text = format!("{style}{mark}{style:#} {:18} {}\n", finding.name, finding.what);
    if !finding.mend.is_empty() {
        text += &format!("   {:18} -> {}\n", "", finding.mend);
    }
    text
}

fn is_weights(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pth" || extension == "safetensors")
}

fn folder_of(folder: &Path, name: &'static str, counts: fn(&Path) -> bool, mend: &str) -> Finding {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| counts(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    if names.is_empty() {
        Finding::lacking(name, "none yet", mend)
    } else {
        Finding::good(name, names.join(", "))
    }
}

const CACHE: &str = "export XDG_CACHE_HOME=/a/folder/of/yours";

fn cache(wanted: u64) -> Finding {
    match files::cache_folder() {
        // It may not be there yet: then the disk is the one of the nearest folder above.
        Some(folder) => match folder.ancestors().find(|folder| folder.is_dir()) {
            Some(folder) => space("disk (cache)", folder, wanted),
            None => {
                Finding::missing("disk (cache)", format!("{} cannot be reached", folder.display()), CACHE)
            }
        },
        None => Finding::missing(
            "disk (cache)",
            "neither XDG_CACHE_HOME nor HOME names an absolute folder",
            CACHE,
        ),
    }
}

fn space(name: &'static str, folder: &Path, wanted: u64) -> Finding {
    match disk::free(folder) {
        Ok(free) => {
            let what = format!("{} free at {}", disk::amount(free), folder.display());
            if free >= wanted {
                Finding::good(name, what)
            } else {
                let what = format!("{what}; {} is safe", disk::amount(wanted));
                Finding::lacking(
                    name,
                    what,
                    format!("du -xhd1 {} | sort -h   # what takes the room", folder.display()),
                )
            }
        }
        Err(error) => Finding::lacking(
            name,
            format!("{}: {error}", folder.display()),
            format!("ls -ld {}", folder.display()),
        ),
    }
}

fn machine(enough: u64, mend: &str) -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = if cfg!(target_os = "macos") {
        process::ask(Command::new("sysctl").args(["-n", "hw.memsize"])).and_then(|text| text.parse().ok())
    } else {
        std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_memory(&text))
    };
    let memory_text = memory.map_or_else(|| "unknown".to_owned(), disk::amount);
    let what = format!("{cores} cores, {memory_text} of memory");
    match memory {
        Some(bytes) if bytes < enough => {
            Finding::lacking("machine", format!("{what}; {} is safe", disk::amount(enough)), mend)
        }
        _ => Finding::good("machine", what),
    }
}

fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn platform() -> Finding {
    let what = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        Finding::good("platform", what)
    } else {
        let what = format!("{what}: written and never compiled; only Linux x86-64 is tested");
        Finding::lacking("platform", what, "see docs/install.md")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(total_memory("MemTotal:       24576 kB\nMemFree: 1 kB\n"), Some(24 << 20));
        assert_eq!(total_memory("nothing"), None);
    }

    #[test]
    fn weights_are_listed_and_their_lack_names_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let found = || folder_of(folder.path(), "weights", is_weights, "fetch");
        assert_eq!((found().state, found().mend.as_str()), (State::Lacking, "fetch"));
        std::fs::write(folder.path().join("b.pth"), "").unwrap();
        std::fs::write(folder.path().join("catalog.toml"), "").unwrap();
        assert_eq!((found().state, found().what.as_str()), (State::Good, "b.pth"));
    }
}
