//! A folder as `.tar.zst`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use files::Hashing;
use tar::{Builder, EntryType, Header};

/// Returns the files below a folder, relative to it, sorted.
pub(crate) fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let list = folder.join(&inner);
        for entry in fs::read_dir(&list).with_context(|| format!("cannot list {}", list.display()))? {
            let entry = entry.with_context(|| format!("cannot list {}", list.display()))?;
            let path = inner.join(entry.file_name());
            if entry.path().is_dir() { open.push(path) } else { paths.push(path) }
        }
    }
    paths.sort();
    Ok(paths)
}

/// Writes the archive, in which all lies below `name`; returns its SHA-256. Owners, times and order are fixed, so that
/// equal contents give equal bytes.
pub(crate) fn write(
    archive: &Path,
    folder: &Path,
    name: &str,
    paths: &[PathBuf],
    level: i32,
) -> Result<String> {
    let cannot = || format!("cannot write {}", archive.display());
    let file = File::create(archive).with_context(cannot)?;
    let mut encoder = zstd::Encoder::new(BufWriter::new(Hashing::new(file)), level).with_context(cannot)?;
    encoder.include_checksum(true).with_context(cannot)?;
    let mut tar = Builder::new(encoder);
    for path in paths {
        append(&mut tar, &folder.join(path), &Path::new(name).join(path)).with_context(cannot)?;
    }
    let encoder = tar.into_inner().with_context(cannot)?;
    let written = encoder.finish().with_context(cannot)?;
    let hashing = written.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(cannot)?;
    Ok(hashing.finish())
}

fn append(tar: &mut Builder<impl Write>, file: &Path, name: &Path) -> Result<()> {
    let from = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let about = from.metadata().with_context(|| format!("cannot read {}", file.display()))?;
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(about.len());
    header.set_mode(if about.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 });
    Ok(tar.append_data(&mut header, name, from)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_archive_holds_all_and_is_the_same_each_time() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("in");
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::write(folder.join("bin/finetune"), "program").unwrap();
        fs::set_permissions(folder.join("bin/finetune"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.join("README.txt"), "read me").unwrap();
        let found = paths(&folder).unwrap();
        assert_eq!(found, ["README.txt", "bin/finetune"].map(PathBuf::from));
        let make = |name: &str| write(&home.path().join(name), &folder, "finetune-1", &found, 3).unwrap();
        let digest = make("a.tar.zst");
        fs::write(folder.join("README.txt"), "read me").unwrap();
        assert_eq!(digest, make("b.tar.zst"));
        assert_eq!(digest, files::sha256_of_file(&home.path().join("a.tar.zst")).unwrap());

        let decoder = zstd::Decoder::new(File::open(home.path().join("a.tar.zst")).unwrap()).unwrap();
        let mut archive = tar::Archive::new(decoder);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap(), text)
        });
        let expected =
            [("finetune-1/README.txt", 0o644, "read me"), ("finetune-1/bin/finetune", 0o755, "program")];
        let entries: Vec<(String, u32, String)> = entries.collect();
        assert_eq!(entries, expected.map(|(path, mode, text)| (path.to_owned(), mode, text.to_owned())));
    }
}
