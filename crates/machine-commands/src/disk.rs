//! Free space of disks, and amounts of bytes in words.

use std::io;
use std::path::Path;

/// Returns the free bytes of the disk that holds `folder`, for an ordinary user.
///
/// # Errors
/// The folder does not exist, or the system refuses.
pub fn free(folder: &Path) -> io::Result<u64> {
    let disk = nix::sys::statvfs::statvfs(folder)?;
    // Their widths differ from system to system.
    #[expect(clippy::useless_conversion, reason = "u32 on macOS")]
    let blocks = u64::from(disk.blocks_available());
    Ok(blocks.saturating_mul(disk.fragment_size()))
}

/// Returns bytes in the largest fitting unit, `5.25 GiB`.
pub fn amount(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.2} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_largest_unit_that_fits() {
        let amounts = [0, 1023, 1 << 10, 5 * (1 << 30) + (1 << 28), u64::MAX].map(amount);
        assert_eq!(amounts, ["0 B", "1023 B", "1.00 KiB", "5.25 GiB", "16.00 EiB"]);
    }

    #[test]
    fn a_disk_has_free_space_and_a_missing_folder_is_an_error() {
        assert!(free(&std::env::temp_dir()).unwrap() > 0);
        assert!(free(Path::new("/no/such/folder")).is_err());
    }
}
