//! `cargo xtask fetch-data`: example data sets, checked by digest and unpacked into an image folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use pretrained::Digest;
use pretrained::digest::sha256_of_file;
use pretrained::fetch::{Fetcher, Patience, Request, Route};

use crate::progress;
use crate::unzip::unpack;
use crate::workspace::Workspace;

/// Fetch an example data set and unpack it
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which one
    #[arg(value_enum)]
    name: Name,
    /// The zip, a folder that holds it, its address, or the address of a folder that holds it
    #[arg(long, value_name = "FILE|DIR|URL")]
    from: Option<String>,
    /// The folder to put it in [default: data/ in the workspace]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Arguments {
    /// A data set whose zip lies in this folder.
    pub(crate) fn of_folder(name: Name, folder: &Path) -> Self {
        Self { name, from: Some(folder.display().to_string()), into: None }
    }
}

/// The data sets that are known.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Name {
    /// 400 training and 200 validation photos of cats and dogs
    DogsCatsSmall,
    /// Ants and bees, of PyTorch's tutorial on transfer learning
    HymenopteraData,
}

/// What is known of a data set: a zip with one folder, both named after it.
struct DataSet {
    name: &'static str,
    sha256: &'static str,
    url: Option<&'static str>,
}

/// Far more than any of these data sets unpacks to.
const MOST_BYTES: u64 = 2 << 30;

impl Name {
    fn data_set(self) -> DataSet {
        match self {
            Self::DogsCatsSmall => DataSet {
                name: "dogs_cats_small",
                sha256: "55f6d1126984f8793a206cfa68b515b490444015c538f6dd0e8180a9464f51bd",
                url: None,
            },
            Self::HymenopteraData => DataSet {
                name: "hymenoptera_data",
                sha256: "19f39422332dd118e6f997737b6144a7058bd3ff98a8723f6cb08d80478661dd",
                url: Some("https://download.pytorch.org/tutorial/hymenoptera_data.zip"),
            },
        }
    }
}

/// Where the zip is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Url(String),
}

/// The command: prints the folder on stdout.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let data_set = arguments.name.data_set();
    let into = arguments.into.clone().unwrap_or_else(|| workspace.root.join("data"));
    let folder = into.join(data_set.name);
    if folder.exists() {
        progress::say(format!("{} is there already", folder.display()));
    } else {
        let place = place(&data_set, arguments.from.as_deref())?;
        fetch(&data_set, &place, &into)?;
    }
    anstream::println!("{}", folder.display());
    Ok(())
}

fn place(data_set: &DataSet, from: Option<&str>) -> Result<Place> {
    let zip = format!("{}.zip", data_set.name);
    match from {
        None => match data_set.url {
            Some(url) => Ok(Place::Url(url.to_owned())),
            None => bail!("{zip} has no public address: say where you have it, with --from FILE, DIR or URL"),
        },
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            let whole = url.ends_with(".zip");
            Ok(Place::Url(if whole {
                url.to_owned()
            } else {
                format!("{}/{zip}", url.trim_end_matches('/'))
            }))
        }
        Some(path) => {
            let path = PathBuf::from(path.strip_prefix("file://").unwrap_or(path));
            let file = if path.is_dir() { path.join(&zip) } else { path };
            ensure!(
                file.is_file(),
                "{} is not there: --from takes the zip or a folder with {zip}",
                file.display()
            );
            Ok(Place::File(file))
        }
    }
}

/// Brings the zip here, checks it, and puts what is in it under `into`, all of it or nothing.
fn fetch(data_set: &DataSet, place: &Place, into: &Path) -> Result<()> {
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    match place {
        Place::File(zip) => {
            let found = sha256_of_file(zip)?;
            ensure!(
                found == data_set.sha256,
                "{} is not {} as published, or damaged: its SHA-256 is {found}, not {}",
                zip.display(),
                data_set.name,
                data_set.sha256
            );
            put(data_set, zip, into)
        }
        Place::Url(url) => {
            let request = Request {
                url: url.clone(),
                to: into.join(format!("{}.zip", data_set.name)),
                digest: Digest::Sha256(data_set.sha256.to_owned()),
                expected_length: None,
            };
            let label = format!("downloading {}", data_set.name);
            let zip = Fetcher::new(Patience::default()).fetch(&request, &mut progress::of_fetch(label))?;
            put(data_set, &zip.path, into)?;
            // One that was lying there already is the user's.
            if zip.route == Route::Server {
                fs::remove_file(&zip.path)
                    .with_context(|| format!("cannot remove {}", zip.path.display()))?;
            }
            Ok(())
        }
    }
}

fn put(data_set: &DataSet, zip: &Path, into: &Path) -> Result<()> {
    let cannot_make = || format!("cannot make a folder in {}", into.display());
    remove_stale(into);
    let draft = tempfile::Builder::new().prefix(DRAFT).tempdir_in(into).with_context(cannot_make)?;
    // Locked for as long as it is filled, so that another call can tell it from one left behind. A file system without
    // locks refuses that call's lock as well, and then nothing is taken for stale.
    let lock = File::open(draft.path()).with_context(cannot_make)?;
    let _ = lock.try_lock();
    let count = unpack(zip, draft.path(), MOST_BYTES, |path| {
        path.starts_with(data_set.name).then(|| path.to_owned())
    })?;
    ensure!(count > 0, "{} holds no folder {}", zip.display(), data_set.name);
    let folder = into.join(data_set.name);
    fs::rename(draft.path().join(data_set.name), &folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    progress::say(format!("{count} files"));
    Ok(())
}

/// Begins the names of folders that are being filled.
const DRAFT: &str = ".unpacking-";

/// Removes what interrupted calls left in `into`; what cannot be removed is only untidy, and stays.
fn remove_stale(into: &Path) {
    let Ok(entries) = fs::read_dir(into) else { return };
    for entry in entries.flatten() {
        let is_draft = entry.file_name().to_string_lossy().starts_with(DRAFT);
        // A link's own type is asked for: nothing outside is ever removed.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_draft && is_folder && File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const SMALL: DataSet = DataSet { name: "small", sha256: "", url: None };

    #[test]
    fn a_data_set_without_an_address_asks_for_one() {
        let error = place(&Name::DogsCatsSmall.data_set(), None).unwrap_err().to_string();
        assert!(error.contains("--from"), "{error}");
        let hymenoptera = place(&Name::HymenopteraData.data_set(), None).unwrap();
        assert!(matches!(hymenoptera, Place::Url(url) if url.ends_with("hymenoptera_data.zip")));
    }

    #[test]
    fn from_is_a_file_a_folder_or_an_address_of_either() {
        let folder = tempfile::tempdir().unwrap();
        let zip = folder.path().join("small.zip");
        let at = |from: &str| place(&SMALL, Some(from));
        assert!(at(folder.path().to_str().unwrap()).unwrap_err().to_string().contains("small.zip"));
        fs::write(&zip, "").unwrap();
        assert_eq!(at(folder.path().to_str().unwrap()).unwrap(), Place::File(zip.clone()));
        assert_eq!(at(zip.to_str().unwrap()).unwrap(), Place::File(zip));
        assert_eq!(at("http://x/y/").unwrap(), Place::Url("http://x/y/small.zip".to_owned()));
        assert_eq!(at("http://x/other.zip").unwrap(), Place::Url("http://x/other.zip".to_owned()));
    }

    #[test]
    fn a_zip_is_unpacked_when_its_digest_is_right_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let zip = folder.path().join("small.zip");
        let mut writer = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
        for name in ["small/train/a/1.jpg", "__MACOSX/small/._1.jpg"] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(b"jpg").unwrap();
        }
        writer.finish().unwrap();
        let into = folder.path().join("data");
        let wrong = fetch(&SMALL, &Place::File(zip.clone()), &into).unwrap_err().to_string();
        assert!(wrong.contains("SHA-256") && !into.join("small").exists(), "{wrong}");
        let sha256 = sha256_of_file(&zip).unwrap().leak();
        fetch(&DataSet { sha256, ..SMALL }, &Place::File(zip), &into).unwrap();
        assert_eq!(fs::read(into.join("small/train/a/1.jpg")).unwrap(), b"jpg");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_an_interrupted_call_left_is_removed_and_nothing_else() {
        let into = tempfile::tempdir().unwrap();
        let at = |name: &str| into.path().join(name);
        for folder in [".unpacking-stale/small", ".unpacking-busy", "small", "elsewhere"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at(".unpacking-notes"), "mine").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at(".unpacking-link")).unwrap();
        let busy = File::open(at(".unpacking-busy")).unwrap();
        busy.lock().unwrap();
        remove_stale(into.path());
        let gone = |name: &str| at(name).symlink_metadata().is_err();
        assert!(gone(".unpacking-stale"));
        for kept in [".unpacking-busy", ".unpacking-notes", ".unpacking-link", "small", "elsewhere"] {
            assert!(!gone(kept), "{kept}");
        }
        drop(busy);
        remove_stale(into.path());
        assert!(gone(".unpacking-busy"));
    }
}
