//! What a libtorch folder holds, and how its version is known.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// The libtorch that tch 0.24 binds.
pub const VERSION: &str = "2.11.0";

/// Written last into a folder that was set up; its presence shows that the folder is complete.
const INVENTORY: &str = "set-up.json";

/// Which build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Variant {
    /// Runs on the CPU.
    Cpu,
    /// Runs on the CPU and on GPUs with CUDA 13.0.
    Cuda,
}

impl Variant {
    /// The name that PyTorch's own files have for it.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cu130",
        }
    }

    /// Files in `lib` without which nothing links or runs.
    fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["libc10.so", "libtorch.so", "libtorch_cpu.so"],
            Self::Cuda => {
                &["libc10.so", "libtorch.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so"]
            }
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA 13.0",
        })
    }
}

/// What lay in `lib` when the set-up was finished.
#[derive(Serialize, Deserialize)]
struct Inventory {
    version: String,
    variant: Variant,
    origin: String,
    /// File name -> bytes.
    lib: BTreeMap<String, u64>,
}

/// Adds what every libtorch folder needs whatever it came from, checks it, and notes what it holds.
pub(super) fn finish(folder: &Path, variant: Variant, origin: &str) -> Result<()> {
    let lib = folder.join("lib");
    link_gomp(&lib).with_context(|| format!("cannot link libgomp.so in {}", lib.display()))?;
    if !folder.join("build-version").exists() {
        write(&folder.join("build-version"), &format!("{VERSION}\n"))?;
    }
    check_version(folder)?;
    check_files(folder, variant)?;
    let inventory = Inventory {
        version: VERSION.to_owned(),
        variant,
        origin: origin.to_owned(),
        lib: sizes(&lib).with_context(|| format!("cannot list {}", lib.display()))?,
    };
    write(&folder.join(INVENTORY), &serde_json::to_string_pretty(&inventory)?)
}

/// Checks a folder that an earlier set-up finished; returns its origin.
pub(super) fn check_finished(folder: &Path, variant: Variant) -> Result<String> {
    let path = folder.join(INVENTORY);
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let inventory: Inventory =
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
    ensure!(inventory.version == VERSION, "{} is version {}", folder.display(), inventory.version);
    ensure!(inventory.variant >= variant, "{} is the {} build", folder.display(), inventory.variant);
    check_version(folder)?;
    check_files(folder, variant)?;
    let now = sizes(&folder.join("lib")).with_context(|| format!("cannot list {}", folder.display()))?;
    if let Some(name) =
        inventory.lib.iter().find_map(|(name, size)| (now.get(name) != Some(size)).then_some(name))
    {
        bail!(
            "{} is missing or of another size than when it was set up",
            folder.join("lib").join(name).display()
        );
    }
    Ok(inventory.origin)
}

/// Checks a folder that no set-up of ours made.
pub(super) fn check_by_hand(folder: &Path, variant: Variant) -> Result<()> {
    ensure!(!folder.join(INVENTORY).exists(), "{} is an incomplete set-up", folder.display());
    check_version(folder)?;
    check_files(folder, variant)
}

/// Checks that the folder has the headers and libraries of `variant`.
pub(super) fn check_files(folder: &Path, variant: Variant) -> Result<()> {
    check_headers(folder)?;
    check_libraries(&folder.join("lib"), variant)
}

pub(super) fn check_headers(folder: &Path) -> Result<()> {
    let header = folder.join("include/torch/csrc/api/include/torch/torch.h");
    ensure!(header.is_file(), "{} is missing", header.display());
    Ok(())
}

pub(super) fn check_libraries(lib: &Path, variant: Variant) -> Result<()> {
    for name in variant.needed() {
        // macOS, untested, calls them so.
        let other = lib.join(name).with_extension("dylib");
        ensure!(lib.join(name).is_file() || other.is_file(), "{} is missing", lib.join(name).display());
    }
    Ok(())
}

/// Checks that the folder holds [`VERSION`], by its `build-version` or else by its header.
pub(super) fn check_version(folder: &Path) -> Result<()> {
    match version(folder) {
        Some(version) if is_ours(&version) => Ok(()),
        Some(version) => bail!("{} is libtorch {version}, not {VERSION}", folder.display()),
        None => bail!(
            "the version of {} is unknown: neither `build-version` nor version.h is there",
            folder.display()
        ),
    }
}

/// Whether a version such as `2.11.0+cu130` is [`VERSION`].
pub(super) fn is_ours(version: &str) -> bool {
    version.trim().split('+').next() == Some(VERSION)
}

fn version(folder: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_owned());
    }
    ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"]
        .iter()
        .find_map(|header| version_in_header(&fs::read_to_string(folder.join(header)).ok()?))
}

fn version_in_header(text: &str) -> Option<String> {
    let part = |name| {
        let mut words = text.lines().map(str::split_whitespace);
        words.find_map(|mut line| {
            let defines = line.next() == Some("#define") && line.next() == Some(name);
            defines.then(|| line.next()).flatten()
        })
    };
    let [major, minor, patch] =
        ["TORCH_VERSION_MAJOR", "TORCH_VERSION_MINOR", "TORCH_VERSION_PATCH"].map(part);
    Some(format!("{}.{}.{}", major?, minor?, patch?))
}

/// tch links `-lgomp`; libtorch ships it under a name with a number, which the linker does not try.
fn link_gomp(lib: &Path) -> io::Result<()> {
    let link = lib.join("libgomp.so");
    if link.exists() {
        return Ok(());
    }
    let mut names = sizes(lib)?.into_keys();
    match names.find(|name| name.starts_with("libgomp") && name.contains(".so")) {
        Some(name) => std::os::unix::fs::symlink(name, link),
        // Then the C++ compiler's own has to serve.
        None => Ok(()),
    }
}

fn sizes(lib: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut sizes = BTreeMap::new();
    for entry in fs::read_dir(lib)? {
        let entry = entry?;
        // Following links: a dangling one is as bad as a missing file.
        if let Ok(file) = fs::metadata(entry.path())
            && file.is_file()
        {
            sizes.insert(entry.file_name().to_string_lossy().into_owned(), file.len());
        }
    }
    Ok(sizes)
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    Ok(files::write(path, text)?)
}

/// A folder with the files of libtorch, each a few bytes long.
#[cfg(test)]
pub(super) fn write_fake(folder: &Path, version: &str, variant: Variant) {
    let header = folder.join("include/torch/csrc/api/include/torch");
    fs::create_dir_all(&header).unwrap();
    fs::create_dir_all(folder.join("lib")).unwrap();
    fs::write(header.join("torch.h"), "").unwrap();
    fs::write(folder.join("build-version"), version).unwrap();
    for name in variant.needed().iter().chain(&["libgomp-a1b2.so.1"]) {
        fs::write(folder.join("lib").join(name), name).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_header_where_there_is_no_build_version() {
        let text = "#pragma once\n/// text\n#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 11\n\
                    #define TORCH_VERSION_PATCH 0\n#define TORCH_VERSION \"2.11.0\"\n";
        assert_eq!(version_in_header(text).as_deref(), Some("2.11.0"));
        assert_eq!(version_in_header("#define TORCH_VERSION_MAJOR 2"), None);
        assert!(is_ours("2.11.0+cu130\n") && !is_ours("2.11.1") && !is_ours("2.11.0rc1"));
    }

    #[test]
    fn a_finished_folder_passes_until_a_file_changes_or_goes() {
        let folder = tempfile::tempdir().unwrap();
        write_fake(folder.path(), "2.11.0+cpu", Variant::Cpu);
        assert!(check_finished(folder.path(), Variant::Cpu).is_err(), "it is not finished yet");
        finish(folder.path(), Variant::Cpu, "a test").unwrap();
        assert!(folder.path().join("lib/libgomp.so").exists());
        assert_eq!(check_finished(folder.path(), Variant::Cpu).unwrap(), "a test");
        let error = check_finished(folder.path(), Variant::Cuda).unwrap_err().to_string();
        assert!(error.contains("is the CPU build"), "{error}");
        fs::write(folder.path().join("lib/libgomp-a1b2.so.1"), "").unwrap();
        let error = check_finished(folder.path(), Variant::Cpu).unwrap_err().to_string();
        assert!(error.contains("libgomp"), "{error}");
    }

    #[test]
    fn another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write_fake(folder.path(), "2.10.0", Variant::Cpu);
        let error = finish(folder.path(), Variant::Cpu, "a test").unwrap_err().to_string();
        assert!(error.contains("2.10.0, not 2.11.0"), "{error}");
    }
}
