//! libtorch as PyTorch publishes it for C++: a zip with `libtorch/include` and `libtorch/lib`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pretrained::Digest;
use pretrained::fetch::{Fetcher, Patience, Request};

use super::cache::need_space;
use super::libtorch::{VERSION, Variant};
use crate::progress;
use crate::unzip::unpack;

/// How this origin is called in messages.
pub(super) const ORIGIN: &str = "the official archive";

const GIB: u64 = 1 << 30;

/// Where the archive is published. It has no published digest: HTTPS vouches for it.
pub(super) fn url(variant: Variant) -> String {
    let tag = variant.tag();
    format!("https://download.pytorch.org/libtorch/{tag}/libtorch-shared-with-deps-{VERSION}%2B{tag}.zip")
}

/// Downloads the archive and fills `folder` with its `include` and `lib`.
pub(super) fn install(url: &str, folder: &Path, variant: Variant) -> Result<()> {
    // The archive and what is in it.
    need_space(
        folder,
        match variant {
            Variant::Cpu => 5 * GIB / 4,
            Variant::Cuda => 10 * GIB,
        },
    )?;
    let archive = folder.join("archive.zip");
    // There is another way after this one, so patience is short.
    let patience = Patience { attempts: 2, stall: Duration::from_secs(10), ..Patience::default() };
    let request =
        Request { url: url.to_owned(), to: archive.clone(), digest: Digest::None, expected_length: None };
    Fetcher::new(patience).fetch(&request, &mut progress::of_fetch("downloading libtorch"))?;
    let count = unpack(&archive, folder, 20 * GIB, inside)?;
    ensure!(count > 0, "{url} holds no libtorch");
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))
}

/// What is needed of the archive, without its `libtorch/`.
fn inside(path: &Path) -> Option<PathBuf> {
    let path = path.strip_prefix("libtorch").ok()?;
    let wanted = path.starts_with("include") || path.starts_with("lib") || path == Path::new("build-version");
    wanted.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_pytorchs() {
        let cpu = "https://download.pytorch.org/libtorch/cpu/libtorch-shared-with-deps-2.11.0%2Bcpu.zip";
        assert_eq!(url(Variant::Cpu), cpu);
        assert!(url(Variant::Cuda).ends_with("/cu130/libtorch-shared-with-deps-2.11.0%2Bcu130.zip"));
    }

    #[test]
    fn only_headers_libraries_and_version_are_taken() {
        assert_eq!(inside(Path::new("libtorch/lib/libc10.so")), Some(PathBuf::from("lib/libc10.so")));
        assert_eq!(inside(Path::new("libtorch/share/cmake/x.cmake")), None);
        assert_eq!(inside(Path::new("other/lib/libc10.so")), None);
    }
}
