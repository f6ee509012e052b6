//! libtorch as PyTorch publishes it for C++: a zip with `libtorch/include` and `libtorch/lib`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::cuda_headers;
use super::libtorch::Variant;
use super::room::need_room;
use crate::tools::{Fetched, Tool, unpack};

/// How this origin is called in messages.
pub(super) const ORIGIN: &str = "the official archive";

const GIB: u64 = 1 << 30;

/// What is needed of the archive, all of it below `libtorch`.
const WANTED: [&str; 3] = ["include", "lib", "build-version"];

/// Downloads the archive, which has no published digest (HTTPS vouches for it), and fills `folder` with its `include` and `lib`.
pub(super) fn install(downloader: &Tool, url: &str, folder: &Path, variant: Variant) -> Result<()> {
    // The archive and what is in it.
    need_room(folder, variant)?;
    let zip = folder.join("libtorch.zip");
    // There is another way after this one, so patience is short.
    let mut download = downloader.command(["file", url, "--attempts", "2", "--stall", "10", "--to"]);
    Tool::answer::<Fetched>(download.arg(&zip))?;
    let only = WANTED.map(|name| format!("libtorch/{name}"));
    let count = unpack(downloader, &zip, folder, &only.each_ref().map(String::as_str), 20 * GIB)?;
    ensure!(count > 0, "{url} holds no libtorch");
    fs::remove_file(&zip).with_context(|| format!("cannot remove {}", zip.display()))?;
    let inner = folder.join("libtorch");
    for name in WANTED.iter().filter(|name| inner.join(name).exists()) {
        let place = folder.join(name);
        fs::rename(inner.join(name), &place).with_context(|| format!("cannot make {}", place.display()))?;
    }
    fs::remove_dir(&inner).with_context(|| format!("cannot remove {}", inner.display()))?;
    if variant == Variant::Cpu {
        return Ok(());
    }
    let wheels = folder.join("wheels");
    cuda_headers::add(downloader, &wheels, folder)?;
    // They are not there where there is no pip.
    if !wheels.exists() {
        return Ok(());
    }
    fs::remove_dir_all(&wheels).with_context(|| format!("cannot remove {}", wheels.display()))
}
