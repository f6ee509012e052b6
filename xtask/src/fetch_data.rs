//! `cargo xtask fetch-data`: example data sets, checked by digest and unpacked into an image folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::process::say;
use crate::tools::{self, Fetched, Route, Tool};
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
        say(format!("{} is there already", folder.display()));
    } else {
        let place = place(&data_set, arguments.from.as_deref())?;
        fetch(&Tool::downloader(workspace)?, &data_set, &place, &into)?;
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
fn fetch(downloader: &Tool, data_set: &DataSet, place: &Place, into: &Path) -> Result<()> {
    let mut downloaded = None;
    let zip = match place {
        Place::File(zip) => zip.clone(),
        Place::Url(url) => {
            let mut download = downloader.command(["file", url, "--sha256", data_set.sha256, "--to"]);
            download.arg(into.join(format!("{}.zip", data_set.name)));
            let fetched: Fetched = Tool::answer(&mut download)?;
            // One that was lying there already is the user's.
            downloaded = (fetched.route == Route::Server).then(|| fetched.path.clone());
            fetched.path
        }
    };
    let mut unpack = downloader.command(["unpack", "--sha256", data_set.sha256, "--only", data_set.name]);
    unpack.arg("--most-bytes").arg(MOST_BYTES.to_string()).arg("--into").arg(into).arg(&zip);
    let count = tools::files(&mut unpack)?;
    ensure!(count > 0, "{} holds no folder {}", zip.display(), data_set.name);
    say(format!("{count} files"));
    if let Some(zip) = downloaded {
        fs::remove_file(&zip).with_context(|| format!("cannot remove {}", zip.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use sha2::{Digest, Sha256};

    use super::*;

    const SMALL: DataSet = DataSet {
        name: "small",
        sha256: "0000000000000000000000000000000000000000000000000000000000000000",
        url: None,
    };

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
        let downloader = Tool::downloader(&Workspace::find().unwrap()).unwrap();
        let place = Place::File(zip.clone());
        let wrong = fetch(&downloader, &SMALL, &place, &into).unwrap_err().to_string();
        assert!(wrong.contains("SHA-256") && !into.join("small").exists(), "{wrong}");
        let sha256 = hex::encode(Sha256::digest(fs::read(&zip).unwrap())).leak();
        fetch(&downloader, &DataSet { sha256, ..SMALL }, &place, &into).unwrap();
        assert_eq!(fs::read(into.join("small/train/a/1.jpg")).unwrap(), b"jpg");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 1, "nothing else is left");
    }
}
