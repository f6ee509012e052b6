//! How a command that fetches is called from here.

use std::path::Path;

/// Returns a command such as `fetch-weights resnet18` as one would type it: of `cargo xtask` where this program was built in a
/// checkout and one stands in it, else of `finetune`.
#[must_use]
pub fn as_called(command: &str) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    let has_cargo = is_in_checkout(&program) && is_in_checkout(&here);
    format!("{} {command}", if has_cargo { "cargo xtask" } else { "finetune" })
}

fn is_in_checkout(path: &Path) -> bool {
    path.ancestors().any(|folder| folder.join("xtask/Cargo.toml").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_sources_is_not_sent_to_cargo() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("target/debug/finetune");
        assert!(!is_in_checkout(&program) && !is_in_checkout(Path::new("")));
        std::fs::create_dir(folder.path().join("xtask")).unwrap();
        std::fs::write(folder.path().join("xtask/Cargo.toml"), "").unwrap();
        assert!(is_in_checkout(&program));
    }
}
