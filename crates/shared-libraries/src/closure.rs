//! All libraries that a program loads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Error, Library};

/// Files of the C library, which every system has of its own: they go with its kernel and its loader.
const LIBC: [&str; 10] = [
    "libc.so",
    "libm.so",
    "libdl.so",
    "libpthread.so",
    "librt.so",
    "libutil.so",
    "libresolv.so",
    "libanl.so",
    "ld-linux",
    "linux-vdso.so",
];

/// Whether a file belongs to the C library, by its name.
#[must_use]
pub fn is_of_libc(name: &str) -> bool {
    LIBC.iter().any(|start| name.starts_with(start))
}

/// A library by its file name.
pub type Found = BTreeMap<String, Library>;

/// Returns all libraries that these files are linked against, one through the other, but for those that the `system` brings
/// ([`is_of_libc`] for one): each from the first of `folders` that has it. Libraries that one opens while it runs are not among them:
/// name them in `files`.
///
/// # Errors
/// [`Error::NotFound`], or a file cannot be read.
pub fn closure(
    files: &[PathBuf],
    folders: &[PathBuf],
    system: &dyn Fn(&str) -> bool,
) -> Result<Found, Error> {
    let mut found = Found::new();
    let mut open = files.to_vec();
    while let Some(path) = open.pop() {
        for name in Library::read(&path)?.needs {
            if system(&name) || found.contains_key(&name) {
                continue;
            }
            let place = folders.iter().map(|folder| folder.join(&name)).find(|place| place.is_file());
            let Some(place) = place else {
                return Err(Error::NotFound { path, name, searched: folders.to_vec() });
            };
            found.insert(name, Library::read(&place)?);
            open.push(place);
        }
    }
    Ok(found)
}

/// Returns the folders of the system's own libraries, those that are there.
#[must_use]
pub fn system_folders() -> Vec<PathBuf> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"].map(PathBuf::from);
    let multiarch = ["/lib", "/usr/lib"].map(|folder| Path::new(folder).join(&triplet));
    multiarch.into_iter().chain(folders).filter(|folder| folder.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_nowhere_is_named_with_who_needs_it() {
        let program = std::env::current_exe().unwrap();
        let needs = Library::read(&program).unwrap().needs;
        let all = closure(std::slice::from_ref(&program), &system_folders(), &is_of_libc).unwrap();
        let wanted: Vec<&String> = needs.iter().filter(|name| !is_of_libc(name)).collect();
        assert!(!wanted.is_empty(), "a program of Rust needs libgcc_s: {needs:?}");
        assert!(wanted.iter().all(|name| all.contains_key(*name)), "{wanted:?} {all:?}");
        let error = closure(&[program], &["/no/such/folder".into()], &is_of_libc).unwrap_err().to_string();
        assert!(error.contains(wanted[0].as_str()) && error.contains("/no/such/folder"), "{error}");
    }

    #[test]
    fn the_c_library_has_several_files() {
        for name in ["libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"] {
            assert!(is_of_libc(name), "{name}");
        }
        for name in ["libc10.so", "libstdc++.so.6", "libgcc_s.so.1", "libcudart.so.13", "libcupti.so.13"] {
            assert!(!is_of_libc(name), "{name}");
        }
    }
}
