//! What is in a bundle: the two programs, the libraries that they load, and what people read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use shared_libraries::{Library, closure, is_of_libc, system_folders};

use crate::arguments::{Arguments, Variant};

/// A program or library in the bundle.
#[derive(Debug)]
pub(crate) struct Placed {
    /// Where it is, from the bundle's folder: `lib/libc10.so`.
    pub(crate) path: PathBuf,
}

impl Placed {
    /// Its file name.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What libtorch opens while it runs, and no file names: starts of file names in its folder.
const OPENED_FOR_CUDA: [&str; 5] =
    ["libtorch_cuda.so", "libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so", "libcudnn", "libnvrtc-builtins.so"];

/// The driver's own libraries, which come with the driver.
const DRIVER: [&str; 2] = ["libcuda.so.1", "libnvidia-ml.so.1"];

/// What people read and start from, and its place in the bundle.
const FOR_PEOPLE: [(&str, &str); 6] = [
    ("dogs_cats.toml", "share/dogs_cats.toml"),
    ("configs", "share/configs"),
    ("docs", "share/guide"),
    ("CHANGELOG.md", "share/CHANGELOG.md"),
    ("LICENSE-APACHE", "licences/LICENSE-APACHE"),
    ("LICENSE-MIT", "licences/LICENSE-MIT"),
];

/// The page that greets those who unpack it.
const READ_ME: &str = include_str!("../read_me.txt");

/// Fills `folder`; returns the programs and libraries in it, sorted.
pub(crate) fn place(arguments: &Arguments, folder: &Path) -> Result<Vec<Placed>> {
    for program in [&arguments.program, &arguments.downloader] {
        let run_path = Library::read(program)?.run_path;
        let is_relative = run_path.iter().all(|path| path.starts_with("$ORIGIN"));
        ensure!(
            !run_path.is_empty() && is_relative,
            "{} looks for its libraries in {run_path:?}: build it with FINETUNE_RUN_PATH=$ORIGIN/../lib",
            program.display()
        );
    }
    let mut placed = Vec::new();
    for (from, to) in [(&arguments.program, "bin/finetune"), (&arguments.downloader, "bin/finetune-fetch")] {
        placed.push(put(folder, from, Path::new(to))?);
    }
    for from in libraries(arguments)? {
        let name = from.file_name().context("a library has no name")?;
        let to = Path::new("lib").join(name);
        placed.push(put(folder, &from, &to)?);
    }
    placed.sort_by(|one, other| one.path.cmp(&other.path));
    for placed in &placed {
        strip(&folder.join(&placed.path))?;
    }
    for (from, to) in FOR_PEOPLE {
        copy_all(&arguments.root.join(from), &folder.join(to))?;
    }
    fs::write(folder.join("README.txt"), READ_ME).context("cannot write README.txt")?;
    for (form, to) in [
        ("bash", "share/completions/finetune.bash"),
        ("zsh", "share/completions/_finetune"),
        ("fish", "share/completions/finetune.fish"),
    ] {
        let to = folder.join(to);
        make_parent(&to)?;
        let script = completions(folder, &[form])?;
        fs::write(&to, script).with_context(|| format!("cannot write {}", to.display()))?;
    }
    completions(folder, &["man", &folder.join("share/man/man1").display().to_string()])?;
    Ok(placed)
}

/// The libraries that both programs load, but for the C library's.
fn libraries(arguments: &Arguments) -> Result<Vec<PathBuf>> {
    let lib = arguments.libtorch.join("lib");
    let mut seeds = vec![arguments.program.clone(), arguments.downloader.clone()];
    let mut wanted = Vec::new();
    if arguments.variant == Variant::Cuda {
        wanted = opened_for_cuda(&lib)?;
        ensure!(
            !wanted.is_empty(),
            "{} holds no libtorch for CUDA: `cargo xtask setup --cuda`",
            lib.display()
        );
        seeds.extend(wanted.iter().cloned());
    }
    let folders: Vec<PathBuf> = std::iter::once(lib).chain(system_folders()).collect();
    // The driver's are of the machine; they are found in no folder of ours, and need not be.
    let needed = closure(&seeds, &folders, &|name| is_of_libc(name) || DRIVER.contains(&name))?;
    for library in needed.into_values() {
        if !wanted.contains(&library.path) {
            wanted.push(library.path);
        }
    }
    Ok(wanted)
}

fn opened_for_cuda(lib: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(lib).with_context(|| format!("cannot list {}", lib.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", lib.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let opened = OPENED_FOR_CUDA.iter().any(|start| name.starts_with(start));
        if opened && name.contains(".so") && !name.contains(".alt.") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn put(folder: &Path, from: &Path, to: &Path) -> Result<Placed> {
    let target = folder.join(to);
    make_parent(&target)?;
    fs::copy(from, &target)
        .with_context(|| format!("cannot copy {} to {}", from.display(), target.display()))?;
    Ok(Placed { path: to.to_owned() })
}

/// Takes out what only debuggers read; a quarter of libtorch is that.
fn strip(path: &Path) -> Result<()> {
    let output = Command::new("strip").arg("--strip-unneeded").arg(path).output();
    let output = output.context("cannot run `strip` (on Debian: `apt install binutils`)")?;
    if !output.status.success() {
        bail!("`strip {}` failed: {}", path.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Has the bundle's own program print its completions or write its manual: the first time that it runs as it will.
fn completions(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let program = folder.join("bin/finetune");
    let output =
        Command::new(&program).arg("completions").args(arguments).env_remove("LD_LIBRARY_PATH").output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("{} does not start: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// Copies a file, or a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let cannot = || format!("cannot copy {}", from.display());
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    make_parent(to)?;
    fs::copy(from, to).map(drop).with_context(cannot)
}

fn make_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))
}
