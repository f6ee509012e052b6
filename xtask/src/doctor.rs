//! `cargo xtask doctor`: what is there, what is missing, and the command that mends it.

use std::path::Path;
use std::process::{Command, ExitCode};

use pip::Pip;

use crate::disk;
use crate::process;
use crate::setup;
use crate::workspace::{self, Workspace};

/// The oldest Rust that builds this workspace, from the root `Cargo.toml`.
const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// What the whole workspace takes when built and set up.
const ROOM: u64 = 6 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// Some commands would fail, or be slow.
    Lacking,
    /// Nothing works without it.
    Missing,
}

/// One line of the report.
#[derive(Debug)]
struct Finding {
    name: &'static str,
    state: State,
    what: String,
    /// The command that mends it; empty when it is good.
    mend: String,
}

/// The command: prints the findings; exits with 1 if something needed is missing.
pub(crate) fn command(workspace: &Workspace) -> ExitCode {
    let findings = [
        rust(workspace),
        component(workspace, "rustfmt", "fmt"),
        component(workspace, "clippy", "clippy"),
        compiler(),
        assembler(),
        pip(),
        libtorch(workspace),
        folder_of(&workspace.root.join("weights"), "weights", is_weights, "cargo xtask fetch-weights"),
        folder_of(
            &workspace.root.join("data"),
            "data",
            Path::is_dir,
            "cargo xtask fetch-data hymenoptera_data",
        ),
        room("disk (workspace)", &workspace.root),
        cache(),
        machine(),
        platform(),
    ];
    for finding in &findings {
        anstream::print!("{}", shown(finding));
    }
    let missing = findings.iter().any(|finding| finding.state == State::Missing);
    if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS }
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

fn rust(workspace: &Workspace) -> Finding {
    let name = "Rust";
    let rustc = process::ask(Command::new("rustc").arg("--version"));
    let cargo = process::ask(&mut workspace.cargo(&["--version"]));
    let (Some(rustc), Some(cargo)) = (rustc, cargo) else {
        return missing(name, "rustc or cargo does not answer", "curl -sSf https://sh.rustup.rs | sh");
    };
    let what = format!("{rustc}; {cargo} (needed: {RUST_VERSION})");
    match (version(&rustc), version(RUST_VERSION)) {
        (Some(have), Some(needed)) if have < needed => missing(name, what, "rustup update stable"),
        _ => good(name, what),
    }
}

/// What `cargo xtask test` needs in addition to cargo.
fn component(workspace: &Workspace, name: &'static str, subcommand: &str) -> Finding {
    match process::ask(&mut workspace.cargo(&[subcommand, "--version"])) {
        Some(answer) => good(name, answer),
        None => lacking(
            name,
            format!("`cargo {subcommand}` does not answer; `cargo xtask test` needs it"),
            format!("rustup component add {name}"),
        ),
    }
}

/// The first number with dots in it, as numbers.
fn version(text: &str) -> Option<Vec<u32>> {
    let word =
        text.split_whitespace().find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))?;
    word.split(['.', '-']).map_while(|part| part.parse().ok()).map(Some).collect()
}

fn compiler() -> Finding {
    let name = "C++ compiler";
    // As the crate `cc` chooses it.
    let own = std::env::var("CXX").ok();
    let program = own.as_deref().unwrap_or("c++");
    match process::ask(Command::new(program).arg("--version")) {
        Some(answer) => good(name, answer.lines().next().unwrap_or_default()),
        None => missing(name, format!("`{program}` does not answer"), "sudo apt install g++   # on Debian"),
    }
}

/// What the SIMD of the JPEG decoder is written in, on x86.
fn assembler() -> Finding {
    match process::ask(Command::new("nasm").arg("-v")) {
        Some(answer) => good("nasm", answer.lines().next().unwrap_or_default()),
        None => lacking(
            "nasm",
            "JPEGs are decoded without SIMD, which on x86 takes longer".to_owned(),
            "sudo apt install nasm && cargo clean -p mozjpeg-sys   # on Debian",
        ),
    }
}

fn pip() -> Finding {
    match Pip::find() {
        Some(pip) => good("pip", pip.version),
        None => lacking(
            "pip",
            format!("{}; needed only where the official libtorch archive is out of reach", setup::no_pip()),
            "sudo apt install python3-pip   # on Debian",
        ),
    }
}

fn libtorch(workspace: &Workspace) -> Finding {
    match setup::present(workspace) {
        Ok(Some(found)) => good("libtorch", found.to_string()),
        Ok(None) => missing("libtorch", format!("{} is not set up", setup::VERSION), "cargo xtask setup"),
        Err(error) => missing(
            "libtorch",
            format!("{error:#}"),
            "unset LIBTORCH LIBTORCH_USE_PYTORCH && cargo xtask setup",
        ),
    }
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
    if names.is_empty() { lacking(name, "none yet", mend) } else { good(name, names.join(", ")) }
}

const CACHE: &str = "export XDG_CACHE_HOME=/a/folder/of/yours";

fn cache() -> Finding {
    match workspace::cache_folder() {
        // It may not be there yet: then the disk is the one of the nearest folder above.
        Ok(folder) => match folder.ancestors().find(|folder| folder.is_dir()) {
            Some(folder) => room("disk (cache)", folder),
            None => missing("disk (cache)", format!("{} cannot be reached", folder.display()), CACHE),
        },
        Err(error) => missing("disk (cache)", format!("{error:#}"), CACHE),
    }
}

fn room(name: &'static str, folder: &Path) -> Finding {
    match disk::free(folder) {
        Ok(free) => {
            let what = format!("{} free at {}", disk::amount(free), folder.display());
            if free >= ROOM {
                good(name, what)
            } else {
                let what = format!("{what}; {} is safe", disk::amount(ROOM));
                lacking(
                    name,
                    what,
                    format!("du -xhd1 {} | sort -h   # what takes the room", folder.display()),
                )
            }
        }
        Err(error) => {
            lacking(name, format!("{}: {error}", folder.display()), format!("ls -ld {}", folder.display()))
        }
    }
}

fn machine() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_memory(&text));
    let memory_text = memory.map_or_else(|| "unknown".to_owned(), disk::amount);
    let what = format!("{cores} cores, {memory_text} of memory");
    match memory {
        // Each of the two big C++ files of tch takes nearly two.
        Some(bytes) if bytes < 4 << 30 => {
            lacking("machine", format!("{what}; building may run out of it"), "cargo build -j 1")
        }
        _ => good("machine", what),
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
        good("platform", what)
    } else {
        let what = format!("{what}, untested: only Linux x86-64 is; it takes a libtorch of your own");
        lacking("platform", what, "export LIBTORCH=/the/folder/of/libtorch")
    }
}

fn good(name: &'static str, what: impl Into<String>) -> Finding {
    Finding { name, state: State::Good, what: what.into(), mend: String::new() }
}

fn lacking(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { name, state: State::Lacking, what: what.into(), mend: mend.into() }
}

fn missing(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { name, state: State::Missing, what: what.into(), mend: mend.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(version("rustc 1.95.0 (f2d3ce0bd 2026-03-21)"), Some(vec![1, 95, 0]));
        assert!(version("rustc 1.100.0-nightly") > version("1.88"));
        assert!(version("1.9.0") < version("1.88"));
    }

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
