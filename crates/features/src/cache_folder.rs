//! Where this program keeps what it can make again.

use std::env;
use std::path::PathBuf;

/// `finetune-rs` in the user's cache folder (XDG Base Directory Specification); `None` where there is no home.
#[must_use]
pub fn of_user() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("finetune-rs"))
}
