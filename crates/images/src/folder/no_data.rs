use std::path::Path;

/// Files and folders that programs leave among images, in lower case: Windows, macOS, Synology, QNAP, ext4, Python.
const COMPANIONS: [&str; 14] = [
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "@eadir",
    "#recycle",
    "#snapshot",
    "@recycle",
    "@recently-snapshot",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "__pycache__",
];

/// Whether a file or folder is ignored because of its name: hidden (`.git`, `.ipynb_checkpoints`, a Mac's `._x.png`), or a
/// companion or cache of another program (`Thumbs.db`, `__MACOSX`, `@eaDir`).
pub(crate) fn is_no_data(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    let name = name.to_string_lossy();
    name.starts_with('.') || COMPANIONS.contains(&&*name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companions_are_no_data_and_images_are() {
        for name in
            [".DS_Store", "._a.png", "a/Thumbs.db", "@eaDir", "__MACOSX", ".ipynb_checkpoints", "Desktop.ini"]
        {
            assert!(is_no_data(Path::new(name)), "{name}");
        }
        for name in ["a.png", "_a.png", ".hidden/a.png", "@home", "recycle"] {
            assert!(!is_no_data(Path::new(name)), "{name}");
        }
    }
}
