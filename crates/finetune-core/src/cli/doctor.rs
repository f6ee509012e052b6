//! `finetune doctor`: what this machine has of what the program needs.

use std::path::{Path, PathBuf};

use anyhow::bail;
use machine_commands::doctor::{Finding, of_machine, report};
use machine_commands::{Caller, tool};
use shared_libraries::{Library, Version, is_of_libc, newest};

/// Disk that a run with kept features takes easily.
const ROOM: u64 = 2 << 30;

/// Memory in which small batches of the larger networks train.
const MEMORY: u64 = 2 << 30;

pub(super) fn perform() -> anyhow::Result<()> {
    let caller = Caller::finetune();
    let loaded = shared_libraries::loaded();
    let mut findings = vec![program(), libtorch(&loaded)];
    findings.extend(versions(&loaded));
    findings.extend([Finding::good("processor", torch_extra::processor()), gpu(), downloader(&caller)]);
    findings.extend(of_machine(
        &caller,
        ROOM,
        MEMORY,
        "finetune --set train.batch_size=4 --set data.memory_mib=200",
    ));
    if report(&findings) {
        bail!("something is missing without which nothing works: see the lines with NO");
    }
    Ok(())
}

fn program() -> Finding {
    let place =
        tool::this_program().map_or_else(|error| error.to_string(), |path| path.display().to_string());
    Finding::good("finetune", format!("{} at {place}", env!("CARGO_PKG_VERSION")))
}

fn libtorch(loaded: &[PathBuf]) -> Finding {
    let said = torch_extra::determinism::libtorch();
    let version = said.split("TORCH_VERSION=").nth(1).and_then(|rest| rest.split([',', '\n']).next());
    let place = loaded.iter().find(|path| name(path).starts_with("libtorch_cpu."));
    let place = place.map_or_else(String::new, |path| format!(" at {}", path.display()));
    Finding::good("libtorch", format!("{}{place}", version.unwrap_or("of an unknown version")))
}

/// The newest functions of the C and the C++ library that any file of this program asks for, and what this system has.
fn versions(loaded: &[PathBuf]) -> Vec<Finding> {
    let files = own_files(loaded);
    let own: Vec<Library> = files.iter().filter_map(|path| Library::read(path).ok()).collect();
    let of_family = |(name, family, library): (&'static str, &str, &str)| {
        let needed = newest(family, &own)?;
        let by = needed.asked_by.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let here = loaded.iter().find(|path| self::name(path).starts_with(library));
        let has = here
            .and_then(|path| Library::read(path).ok())
            .and_then(|library| newest_offered(family, &library));
        let what = format!("{} is needed, by {by} of {} files", needed.version, own.len());
        Some(match has {
            Some(has) if has < needed.version => Finding::lacking(
                name,
                format!("{what}; this system has {has}"),
                "a newer Linux, or a bundle built on an older one",
            ),
            Some(has) => Finding::good(name, format!("{what}; this system has {has}")),
            None => Finding::good(name, what),
        })
    };
    [("C library", "GLIBC", "libc.so"), ("C++ library", "GLIBCXX", "libstdc++.so")]
        .into_iter()
        .filter_map(of_family)
        .collect()
}

/// This program, what it has loaded but for the C library, and what lies next to libtorch.
fn own_files(loaded: &[PathBuf]) -> Vec<PathBuf> {
    let program = tool::this_program().ok();
    let mut files: Vec<PathBuf> = loaded.iter().filter(|path| !is_of_libc(&name(path))).cloned().collect();
    let of_libtorch = loaded.iter().find(|path| name(path).starts_with("libtorch_cpu."));
    // Where nothing says what is loaded, a bundle's libraries lie next to the folder of the program.
    let in_bundle = program.as_deref().and_then(|program| Some(program.parent()?.parent()?.join("lib")));
    let folder = of_libtorch.and_then(|path| path.parent().map(Path::to_owned)).or(in_bundle);
    let nearby = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    files.extend(program);
    files.extend(nearby.map(|entry| entry.path()).filter(|path| name(path).contains(".so")));
    for path in &mut files {
        if let Ok(real) = path.canonicalize() {
            *path = real;
        }
    }
    files.sort();
    files.dedup();
    files
}

fn newest_offered(family: &str, library: &Library) -> Option<Version> {
    let of_family = library.offers.iter().filter(|version| version.family == family);
    of_family.max_by(|one, other| one.numbers.cmp(&other.numbers)).cloned()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn gpu() -> Finding {
    match torch_extra::cuda::gpus() {
        Ok(names) => Finding::good("GPU", names.join(", ")),
        Err(why) => Finding::good("GPU", format!("none: {why}")),
    }
}

fn downloader(caller: &Caller<'_>) -> Finding {
    match (caller.downloader)() {
        Ok(tool) => Finding::good("downloader", tool.program().display().to_string()),
        Err(error) => Finding::lacking(
            "downloader",
            "`finetune fetch-weights` and `finetune fetch-data` need it",
            format!("{error:#}"),
        ),
    }
}
