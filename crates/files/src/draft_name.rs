use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Begins the names of files and folders that are being written.
pub const DRAFT_PREFIX: &str = ".writing-";

/// Creates something under a name that nothing in `folder` has yet, and returns that path with what `create` returned.
///
/// `create` must refuse what exists: another process of the same number, on another machine that shares the folder or
/// killed long ago, may have taken a name.
pub(crate) fn create_unique<T>(
    folder: &Path,
    create: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{DRAFT_PREFIX}{}-{count}", process::id()));
        match create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|created| (path, created)),
        }
    }
}

/// Returns the folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs::File;

    use super::*;

    #[test]
    fn a_taken_name_is_passed_over_and_other_errors_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let tries = Cell::new(0);
        let (path, _) = create_unique(folder.path(), |draft| {
            tries.set(tries.get() + 1);
            if tries.get() < 3 {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            File::create_new(draft)
        })
        .unwrap();
        assert_eq!(tries.get(), 3);
        assert!(path.exists() && path.file_name().unwrap().to_string_lossy().starts_with(DRAFT_PREFIX));
        let missing = create_unique(&folder.path().join("missing"), |draft| File::create_new(draft));
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
