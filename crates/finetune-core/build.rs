//! Lets what this crate links find libtorch at run time, see `torch-extra/build.rs`, and tells the program which code it is
//! built from, so that features kept by other code are not taken for its own.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=DEP_TORCH_EXTRA_RPATH");
    if let Ok(folder) = std::env::var("DEP_TORCH_EXTRA_RPATH") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
    println!("cargo::rustc-env=FINETUNE_CODE={:016x}", code()?);
    Ok(())
}

/// A digest of the sources of the workspace's crates and of the versions of all others.
fn code() -> io::Result<u64> {
    let mut hash = DefaultHasher::new();
    let mut paths = vec![PathBuf::from("../../Cargo.lock")];
    paths.extend(listed(Path::new(".."))?.into_iter().map(|one| one.join("src")));
    for path in paths.into_iter().filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
        add(&path, &mut hash)?;
    }
    Ok(hash.finish())
}

/// Adds a file, or all that lies in a folder.
fn add(path: &Path, hash: &mut DefaultHasher) -> io::Result<()> {
    if path.is_dir() {
        return listed(path)?.iter().try_for_each(|inner| add(inner, hash));
    }
    (path, fs::read(path)?).hash(hash);
    Ok(())
}

/// What lies in a folder, in the order of names, but for what editors hide there.
fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    paths.sort();
    Ok(paths)
}
