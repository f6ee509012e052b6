//! `cargo xtask doctor`: what is there, what is missing, and the command that mends it.

use std::process::{Command, ExitCode};

use machine_commands::doctor::{Finding, of_machine, report};
use pip::Pip;

use crate::workspace::Workspace;
use crate::{caller, process, setup};

/// The oldest Rust that builds this workspace, from the root `Cargo.toml`.
const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// What the whole workspace takes when built and set up.
const ROOM: u64 = 6 << 30;

/// Memory in which the workspace builds: each of the two big C++ files of tch takes nearly 2 GiB.
const MEMORY: u64 = 4 << 30;

/// The command: prints the findings; exits with 1 if something needed is missing.
pub(crate) fn command(workspace: &Workspace) -> ExitCode {
    let mut findings = vec![
        rust(workspace),
        component(workspace, "rustfmt", "fmt"),
        component(workspace, "clippy", "clippy"),
        compiler(),
        assembler(),
        pip(),
        libtorch(workspace),
    ];
    let downloader = caller::downloader(workspace);
    findings.extend(of_machine(&caller::of(workspace, &downloader), ROOM, MEMORY, "cargo build -j 1"));
    if report(&findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn rust(workspace: &Workspace) -> Finding {
    let name = "Rust";
    let rustc = process::ask(Command::new("rustc").arg("--version"));
    let cargo = process::ask(&mut workspace.cargo(&["--version"]));
    let (Some(rustc), Some(cargo)) = (rustc, cargo) else {
        return Finding::missing(
            name,
            "rustc or cargo does not answer",
            "curl -sSf https://sh.rustup.rs | sh",
        );
    };
    let what = format!("{rustc}; {cargo} (needed: {RUST_VERSION})");
    match (version(&rustc), version(RUST_VERSION)) {
        (Some(have), Some(needed)) if have < needed => Finding::missing(name, what, "rustup update stable"),
        _ => Finding::good(name, what),
    }
}

/// What `cargo xtask test` needs in addition to cargo.
fn component(workspace: &Workspace, name: &'static str, subcommand: &str) -> Finding {
    match process::ask(&mut workspace.cargo(&[subcommand, "--version"])) {
        Some(answer) => Finding::good(name, answer),
        None => Finding::lacking(
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
        Some(answer) => Finding::good(name, answer.lines().next().unwrap_or_default()),
        None => Finding::missing(
            name,
            format!("`{program}` does not answer"),
            "sudo apt install g++   # on Debian",
        ),
    }
}

/// What the SIMD of the JPEG decoder is written in, on x86.
fn assembler() -> Finding {
    match process::ask(Command::new("nasm").arg("-v")) {
        Some(answer) => Finding::good("nasm", answer.lines().next().unwrap_or_default()),
        None => Finding::lacking(
            "nasm",
            "JPEGs are decoded without SIMD, which on x86 takes longer".to_owned(),
            "sudo apt install nasm && cargo clean -p mozjpeg-sys   # on Debian",
        ),
    }
}

fn pip() -> Finding {
    match Pip::find() {
        Some(pip) => Finding::good("pip", pip.version),
        None => Finding::lacking(
            "pip",
            format!("{}; needed only where the official libtorch archive is out of reach", setup::no_pip()),
            "sudo apt install python3-pip   # on Debian",
        ),
    }
}

fn libtorch(workspace: &Workspace) -> Finding {
    match setup::present(workspace) {
        Ok(Some(found)) => Finding::good("libtorch", found.to_string()),
        Ok(None) => {
            Finding::missing("libtorch", format!("{} is not set up", setup::VERSION), "cargo xtask setup")
        }
        Err(error) => Finding::missing(
            "libtorch",
            format!("{error:#}"),
            "unset LIBTORCH LIBTORCH_USE_PYTORCH && cargo xtask setup",
        ),
    }
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
}
