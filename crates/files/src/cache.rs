use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Returns `$XDG_CACHE_HOME/finetune-rs`, else `$HOME/.cache/finetune-rs`; `None` where neither variable is absolute.
///
/// Source: XDG Base Directory Specification, by which a relative path is ignored. The folder need not exist.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    cache_folder_of(|name| env::var_os(name))
}

fn cache_folder_of(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("finetune-rs"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_relative_path_is_ignored() {
        let with = |set: &'static [(&str, &str)]| {
            cache_folder_of(move |name| set.iter().find(|(key, _)| *key == name).map(|found| found.1.into()))
        };
        let both = with(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/home/u")]);
        assert_eq!(both.as_deref(), Some(Path::new("/x/finetune-rs")));
        let relative = with(&[("XDG_CACHE_HOME", "x"), ("HOME", "/home/u")]);
        assert_eq!(relative.as_deref(), Some(Path::new("/home/u/.cache/finetune-rs")));
        assert_eq!(with(&[("HOME", "u")]), None);
        assert_eq!(with(&[]), None);
    }
}
