//! Free space on the disk for a libtorch.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::libtorch::Variant;
use crate::disk;

/// Fails if the disk that holds `folder` has too little free space for the download and what is unpacked from it. `FINETUNE_SETUP_ROOM`
/// names other bytes, for mirrors and tests whose archives are smaller.
pub(super) fn need_room(folder: &Path, variant: Variant) -> Result<()> {
    const GIB: u64 = 1 << 30;
    let usual = match variant {
        Variant::Cpu => 5 * GIB / 4,
        Variant::Cuda => 10 * GIB,
    };
    let other = std::env::var("FINETUNE_SETUP_ROOM").ok().and_then(|bytes| bytes.parse().ok());
    need_space(folder, other.unwrap_or(usual))
}

fn need_space(folder: &Path, bytes: u64) -> Result<()> {
    let free =
        disk::free(folder).with_context(|| format!("cannot read the free space of {}", folder.display()))?;
    ensure!(
        free >= bytes,
        "{} has {} free and {} are needed: free some space, or set XDG_CACHE_HOME to a folder on a larger disk",
        folder.display(),
        disk::amount(free),
        disk::amount(bytes)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_an_error_with_both_figures() {
        let folder = tempfile::tempdir().unwrap();
        need_space(folder.path(), 1).unwrap();
        let error = need_space(folder.path(), u64::MAX).unwrap_err().to_string();
        assert!(error.contains("16.00 EiB") && error.contains("XDG_CACHE_HOME"), "{error}");
    }
}
