//! Paths as they are compared and written.

use std::path::{Component, Path, PathBuf};

/// The same path without `.` and with `..` taken back, as far as it is written.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// A path's bytes with `/` between its parts on every system.
pub(crate) fn slashed(path: &Path) -> Vec<u8> {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().as_encoded_bytes()).collect();
    parts.join(&b'/')
}

/// A path with `/` between its parts.
pub(crate) fn text(path: &Path) -> String {
    String::from_utf8_lossy(&slashed(path)).into_owned()
}
