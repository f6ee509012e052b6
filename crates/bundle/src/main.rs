//! `bundle`: puts `finetune` and all that it needs but the C library into a folder and an archive. Built and run by `cargo xtask
//! bundle`.
//!
//! - `arguments`: the command line
//! - `contents`: which files, of which libraries
//! - `packages`: the crates that the program is made of
//! - `licences`: their texts, and those of the libraries; what has none, or one that is not accepted, ends the work
//! - `sbom`: all of them with digests and licences, as CycloneDX
//! - `archive`: the folder as `.tar.zst`, the same bytes for the same files
//!
//! One JSON object on stdout says what was made. Exit codes: 0 done, 1 failed, 2 usage.

mod archive;
mod arguments;
mod contents;
mod licences;
mod packages;
mod sbom;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use files::FolderDraft;
use serde::Serialize;
use shared_libraries::{Library, newest};

use crate::arguments::Arguments;

/// What was made.
#[derive(Debug, Serialize)]
struct Made {
    folder: PathBuf,
    archive: PathBuf,
    files: usize,
    bytes: u64,
    archive_bytes: u64,
    archive_sha256: String,
    /// Newest version of the C library's functions that any file asks for, `GLIBC_2.34`, and that file.
    glibc: Option<Asked>,
    /// The same of the C++ library, which is in the bundle.
    glibcxx: Option<Asked>,
}

#[derive(Debug, Serialize)]
struct Asked {
    version: String,
    by: String,
}

fn main() -> ExitCode {
    let printed = make(&Arguments::parse()).and_then(|made| Ok(serde_json::to_string(&made)?));
    match printed {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", serde_json::json!({ "error": format!("{error:#}") }));
            ExitCode::FAILURE
        }
    }
}

fn make(arguments: &Arguments) -> Result<Made> {
    let packages = packages::read(&arguments.metadata, &["finetune-core", "pretrained"])?;
    let version = packages::version(&packages, "finetune-core")?;
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    let name = format!("finetune-{version}-{system}-{processor}-{}", arguments.variant.name());
    let target = arguments.into.join(&name);
    anyhow::ensure!(
        !target.exists(),
        "{} exists already: remove it, or name another folder with --into",
        target.display()
    );
    let draft = FolderDraft::next_to(&target)?;
    let placed = contents::place(arguments, draft.path())?;
    licences::write(&placed, &packages, arguments, draft.path())?;
    sbom::write(&name, &version, &placed, &packages, draft.path())?;
    let libraries = placed.iter().map(|placed| Library::read(&draft.path().join(&placed.path)));
    let libraries: Vec<Library> = libraries.collect::<Result<_, _>>()?;
    let asked = |family: &str| newest(family, &libraries).map(|newest| Asked::of(&newest));
    let (glibc, glibcxx) = (asked("GLIBC"), asked("GLIBCXX"));
    let paths = archive::paths(draft.path())?;
    let bytes = paths.iter().map(|path| size(&draft.path().join(path))).sum::<Result<u64>>()?;
    let archive = arguments.into.join(format!("{name}.tar.zst"));
    let archive_sha256 = archive::write(&archive, draft.path(), &name, &paths, arguments.level)?;
    let archive_bytes = size(&archive)?;
    draft.publish()?;
    let files = paths.len();
    Ok(Made { folder: target, archive, files, bytes, archive_bytes, archive_sha256, glibc, glibcxx })
}

impl Asked {
    fn of(newest: &shared_libraries::Newest) -> Self {
        let by = newest.asked_by.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { version: newest.version.to_string(), by }
    }
}

/// Bytes of a file.
fn size(path: &Path) -> Result<u64> {
    Ok(path.symlink_metadata().with_context(|| format!("cannot read {}", path.display()))?.len())
}
