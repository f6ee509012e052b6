//! What is checked of a file before it is parsed: that parsing takes no more memory than a checkpoint needs.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::damaged;
use crate::Error;
use crate::checkpoint::Format;
use crate::checkpoint::pickle_scan::{MAX_OPCODES, skip_pickle};

/// Longest pickle read from an archive; a network of a thousand arrays needs a tenth of a megabyte.
const MAX_PICKLE: u64 = 16 << 20;

pub(super) fn check_before_parsing(path: &Path, format: Format) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    match format {
        Format::TorchZip => check_zip(path, file),
        Format::TorchLegacy => check_legacy(file).map_err(|reason| damaged(path, reason)),
        Format::TorchTar => check_tar(file).map_err(|reason| damaged(path, reason)),
        Format::SafeTensors => Ok(()),
    }
}

fn check_zip(path: &Path, file: File) -> Result<(), Error> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| damaged(path, e))?;
    let names = archive.file_names().map(|name| name.map(Cow::into_owned));
    let names: Vec<String> = names.collect::<Result<_, _>>().map_err(|e| damaged(path, e))?;
    if names.iter().any(|name| name.ends_with("/constants.pkl")) {
        return Err(Error::NotACheckpoint {
            path: path.to_path_buf(),
            found: "it is a TorchScript archive (torch.jit.save); save `model.state_dict()` with torch.save instead"
                .to_owned(),
        });
    }
    let mut budget = MAX_OPCODES;
    let is_pickle = |name: &&String| *name == "data.pkl" || name.ends_with("/data.pkl");
    for name in names.iter().filter(is_pickle) {
        let entry = archive.by_name(name).map_err(|e| damaged(path, e))?;
        if entry.size() > MAX_PICKLE {
            return Err(damaged(path, format!("{name} claims {} bytes", entry.size())));
        }
        let mut pickle = BufReader::new(entry.take(MAX_PICKLE));
        skip_pickle(&mut pickle, &mut budget).map_err(|reason| damaged(path, reason))?;
    }
    Ok(())
}

/// A legacy file is five pickles (magic, version, system, the object, names of storages), then the values.
fn check_legacy(file: File) -> Result<(), String> {
    let mut reader = BufReader::new(file);
    let mut budget = MAX_OPCODES;
    (0..5).try_for_each(|_| skip_pickle(&mut reader, &mut budget))
}

/// Of a tar archive the entries' kinds and sizes (a sparse entry can claim any size) and the pickle of the object.
fn check_tar(file: File) -> Result<(), String> {
    let file_length = file.metadata().map_err(|e| e.to_string())?.len();
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut budget = MAX_OPCODES;
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let entry = entry.map_err(|e| e.to_string())?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_gnu_sparse() || entry.size() > file_length {
            return Err(format!("its entry {name:?} claims {} bytes", entry.size()));
        }
        if name.trim_start_matches("./") == "pickle" {
            skip_pickle(&mut BufReader::new(entry), &mut budget)?;
        }
    }
    Ok(())
}
