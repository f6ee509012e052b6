//! Public image sets: fetched, checked against what is known of them, and unpacked into class folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use files::sha256_of_file;
use indicatif::DecimalBytes;
use pretrained::data_sets::{self, Archive, DataSet};
use pretrained::fetch::{Fetcher, Patience, Progress as Event, Request, Route};
use pretrained::{Digest, Error, as_called};

use crate::draft::Draft;
use crate::progress::{self, say};
use crate::there::There;
use crate::{untar, unzip};

/// Fetch a public image set and unpack it into class folders
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Its name, as `data-sets` lists it
    name: String,
    /// The archive, a folder that holds the archives, or the address of either
    #[arg(long, value_name = "FILE|DIR|URL")]
    from: Option<String>,
    /// The folder in which the set's folder appears
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Take an archive whose digest is not a known one: of this SHA-256, or any
    #[arg(long, value_name = "SHA256", num_args = 0..=1, value_parser = crate::digest::sha256)]
    accept_digest: Option<Option<String>>,
}

/// Where an archive is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    /// Addresses, asked one after the other until one answers.
    Urls(Vec<String>),
}

/// An archive on this machine whose digest was accepted.
struct Here {
    path: PathBuf,
    /// Whether it goes once it is unpacked.
    temporary: bool,
}

/// More than any of these sets unpacks to.
const MOST_BYTES: u64 = 4 << 30;

/// Fetches the set, unless its folder is there.
pub(crate) fn fetch(arguments: &Arguments) -> Result<There> {
    let set = named(&arguments.name)?;
    let folder = arguments.into.join(&set.name);
    if folder.exists() {
        say(format!("{} is there already", folder.display()));
        return Ok(There::Data { folder, route: Route::Found });
    }
    let places = places(set, arguments.from.as_deref())?;
    announce(set);
    let mut here = Vec::new();
    for (archive, place) in set.archives.iter().zip(&places) {
        here.push(bring(set, archive, place, arguments)?);
    }
    let draft = Draft::new(&arguments.into)?;
    let target = draft.path().join(&set.name);
    let mut files = 0;
    for (archive, here) in set.archives.iter().zip(&here) {
        files += unpack(archive, &here.path, &target)?;
    }
    draft.put()?;
    say(format!("{files} files in {}", folder.display()));
    for Here { path, .. } in here.iter().filter(|here| here.temporary) {
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    let from_folder = places.iter().any(|place| matches!(place, Place::File(_)));
    Ok(There::Data { folder, route: if from_folder { Route::Folder } else { Route::Server } })
}

fn named(name: &str) -> Result<&'static DataSet> {
    data_sets::find(name).ok_or_else(|| {
        let known: Vec<&str> = data_sets::all().iter().map(|set| set.name.as_str()).collect();
        anyhow!("no data set is known as {name:?}; known are {}", known.join(", "))
    })
}

/// What it is, how large, under which licence, and what is wrong with it.
fn announce(set: &DataSet) {
    let DataSet { name, title, images, classes, licence, .. } = set;
    let size = DecimalBytes(set.bytes());
    say(format!("{name}: {images} images of {classes} classes, {size}: {title}"));
    say(format!("  licence: {licence}"));
    if let Some(damage) = &set.damage {
        say(format!("  known damage: {damage}"));
    }
}

/// Where each of the set's archives is.
fn places(set: &DataSet, from: Option<&str>) -> Result<Vec<Place>> {
    set.archives.iter().map(|archive| place(set, archive, from)).collect()
}

fn place(set: &DataSet, archive: &Archive, from: Option<&str>) -> Result<Place> {
    let file = &archive.file;
    let alone = set.archives.len() == 1;
    let Some(from) = from else {
        let urls: Vec<String> = archive.url.iter().chain(&archive.mirrors).cloned().collect();
        ensure!(
            !urls.is_empty(),
            "{file} has no public address: say where you have it, with --from FILE, DIR or URL"
        );
        return Ok(Place::Urls(urls));
    };
    if from.starts_with("http://") || from.starts_with("https://") {
        let whole = alone && is_archive(from);
        let url = if whole { from.to_owned() } else { format!("{}/{file}", from.trim_end_matches('/')) };
        return Ok(Place::Urls(vec![url]));
    }
    let path = PathBuf::from(from.strip_prefix("file://").unwrap_or(from));
    if path.is_dir() {
        // A mirror may keep the archives of a set in a folder of its own, and call the only one after the set.
        let by_set = alone.then(|| path.join(format!("{}{}", set.name, ending(file))));
        let candidates = [Some(path.join(file)), Some(path.join(&set.name).join(file)), by_set];
        let found = candidates.into_iter().flatten().find(|candidate| candidate.is_file());
        let missing =
            || format!("{} holds no {file}: --from takes the archive or a folder with it", path.display());
        return found.map(Place::File).with_context(missing);
    }
    ensure!(path.is_file(), "{} is not there: --from takes {file} or a folder with it", path.display());
    if !alone {
        let files: Vec<&str> = set.archives.iter().map(|archive| archive.file.as_str()).collect();
        bail!(
            "{} comes in {} archives: --from takes the folder with {}",
            set.name,
            files.len(),
            files.join(", ")
        );
    }
    Ok(Place::File(path))
}

/// Whether the address is that of a file rather than of a folder.
fn is_archive(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    [".zip", ".tgz", ".tar.gz"].iter().any(|ending| path.ends_with(ending))
}

/// `.zip`, `.tgz` or `.tar.gz`.
fn ending(file: &str) -> &str {
    if file.ends_with(".tar.gz") { ".tar.gz" } else { file.rfind('.').map_or("", |dot| &file[dot..]) }
}

/// Brings an archive here and compares it with what is known of it.
fn bring(set: &DataSet, archive: &Archive, place: &Place, arguments: &Arguments) -> Result<Here> {
    let wanted = match &arguments.accept_digest {
        None => archive.digest(),
        Some(None) => Digest::None,
        Some(Some(sha256)) => match archive.digest() {
            Digest::OneOf(known) => Digest::OneOf(known.into_iter().chain([sha256.clone()]).collect()),
            other => other,
        },
    };
    let refuse = |error| refusal(set, archive, arguments, error);
    let urls = match place {
        Place::File(path) => {
            let sha256 = sha256_of_file(path)?;
            if !wanted.accepts(&sha256) {
                let expected = archive.digest();
                return Err(refuse(Error::WrongDigest { path: path.clone(), expected, found: sha256 }));
            }
            tell_version(archive, &sha256);
            return Ok(Here { path: path.clone(), temporary: false });
        }
        Place::Urls(urls) => urls,
    };
    // Other sets' archives may have the same name.
    let is_own = archive.file.starts_with(&set.name);
    let local = if is_own { archive.file.clone() } else { format!("{}-{}", set.name, archive.file) };
    let to = arguments.into.join(&local);
    if arguments.accept_digest.is_none() && archive.versions.iter().all(|version| version.sha256.is_none()) {
        let command = as_called(&format!("fetch-data {} --accept-digest", set.name));
        bail!("no digest of {} is known to compare it with. To take what comes: {command}", archive.file);
    }
    let mut failures = Vec::new();
    for (number, url) in (1..).zip(urls) {
        // Where another address is left, patience is short.
        let usual = Patience::default();
        let attempts = if number < urls.len() { 2 } else { usual.attempts };
        let fetcher = Fetcher::new(Patience { attempts, ..usual });
        let request =
            Request { url: url.clone(), to: to.clone(), digest: wanted.clone(), expected_length: None };
        let mut watch = progress::of_fetch(format!("downloading {local}"));
        let fetched = fetcher.fetch(&request, &mut |event| {
            if let Event::Started { total: Some(total), .. } = event {
                warn_of_length(archive, url, total);
            }
            watch(event);
        });
        match fetched {
            Ok(fetched) => {
                tell_version(archive, &fetched.sha256);
                // One that was lying there under the published name is the user's.
                return Ok(Here { path: fetched.path, temporary: fetched.route == Route::Server || !is_own });
            }
            Err(error @ Error::WrongDigest { .. }) => return Err(refuse(error)),
            Err(error @ Error::Io(_)) => return Err(error.into()),
            Err(error) => failures.push(error.to_string()),
        }
    }
    bail!("{}", failures.join("\n"))
}

/// Names the content that was found, where there are several.
fn tell_version(archive: &Archive, sha256: &str) {
    let found = archive.versions.iter().find(|version| version.sha256.as_deref() == Some(sha256));
    match found {
        Some(version) => say(format!("{} is right: {}", archive.file, version.what)),
        None => say(format!("{} is taken with the SHA-256 {sha256}, which is not a known one", archive.file)),
    }
}

fn warn_of_length(archive: &Archive, url: &str, total: u64) {
    if !archive.versions.iter().any(|version| version.bytes == total) {
        let known: Vec<String> = archive.versions.iter().map(|version| version.bytes.to_string()).collect();
        say(format!(
            "{url} announces {total} bytes, not {}: it is another file, or a newer one",
            known.join(" or ")
        ));
    }
}

/// Says what was found, what is known, and how to take it all the same.
fn refusal(set: &DataSet, archive: &Archive, arguments: &Arguments, error: Error) -> anyhow::Error {
    let Error::WrongDigest { path, found, .. } = error else { return error.into() };
    let length = fs::metadata(&path).map_or(String::new(), |file| format!(" and {} bytes", file.len()));
    let known = archive.versions.iter().map(|version| match &version.sha256 {
        Some(sha256) => format!("\n  {sha256}, {} bytes ({})", version.bytes, version.what),
        None => format!("\n  no digest, {} bytes ({})", version.bytes, version.what),
    });
    let known: String = known.collect();
    let from = arguments.from.as_ref().map_or(String::new(), |from| format!(" --from {from}"));
    anyhow!(
        "{} has the SHA-256 {found}{length}; known of {} is:{known}\nIt was changed since, is cut short or is another file. \
         If you trust it: {} --accept-digest {found}",
        path.display(),
        archive.file,
        as_called(&format!("fetch-data {}{from}", set.name))
    )
}

/// Unpacks a zip or a gzipped tar, recognised by their first bytes.
fn unpack(archive: &Archive, path: &Path, target: &Path) -> Result<usize> {
    let mut start = [0; 2];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    let is_gzip = read.is_ok() && start == [0x1f, 0x8b];
    let place = |path: &Path| archive.place(path);
    let files = match is_gzip {
        true => untar::unpack(path, target, MOST_BYTES, place)?,
        false => unzip::unpack(path, target, MOST_BYTES, place)?,
    };
    let inside = target.join(&archive.put);
    let has_folders = fs::read_dir(&inside)
        .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| entry.path().is_dir())));
    ensure!(
        files > 0 && has_folders,
        "{} does not hold {}/ with the images: it is laid out otherwise now; unpack it yourself and name its folder as data.root",
        path.display(),
        archive.take.display()
    );
    Ok(files)
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
