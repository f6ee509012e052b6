//! `fetch-data`: public image sets, checked by digest and unpacked into class folders.
//!
//! Which ones are known, and how each is unpacked, the downloader knows (`crates/pretrained/data_sets.toml`).

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::Caller;
use crate::process::{Interrupted, say};
use crate::tool::Tool;

/// Fetch a public image set and unpack it into class folders; without a name, list those that are known
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which one
    name: Option<String>,
    /// List those that are known, with size and licence
    #[arg(long, conflicts_with_all = ["name", "from", "into", "accept_digest"])]
    list: bool,
    /// The archive, a folder that holds it, its address, or the address of a folder that holds it
    #[arg(long, value_name = "FILE|DIR|URL", requires = "name")]
    from: Option<String>,
    /// The folder to put it in [default: data/]
    #[arg(long, value_name = "DIR", requires = "name")]
    into: Option<PathBuf>,
    /// Take an archive whose digest is not the known one: with this SHA-256, or with any
    #[arg(long, value_name = "SHA256", num_args = 0..=1, requires = "name")]
    accept_digest: Option<Option<String>>,
}

impl Arguments {
    /// A set whose archive lies in this folder.
    #[must_use]
    pub fn of_folder(name: &str, folder: &Path) -> Self {
        Self {
            name: Some(name.to_owned()),
            list: false,
            from: Some(folder.display().to_string()),
            into: None,
            accept_digest: None,
        }
    }
}

/// The command: prints the folder on stdout, or the list.
///
/// # Errors
/// There is no downloader, or it fails.
pub fn perform(caller: &Caller<'_>, arguments: &Arguments) -> Result<()> {
    let downloader = (caller.downloader)()?;
    let Some(name) = &arguments.name else { return list(caller, &downloader) };
    let into = arguments.into.clone().unwrap_or_else(|| caller.root.join("data"));
    let mut fetch = downloader.command(["data", name, "--into"]);
    fetch.arg(into);
    if let Some(from) = &arguments.from {
        fetch.arg("--from").arg(from);
    }
    if let Some(accepted) = &arguments.accept_digest {
        fetch.arg("--accept-digest").args(accepted);
    }
    let there: There = Tool::answer(&mut fetch).inspect_err(|error| {
        if arguments.from.is_none() && !error.is::<Interrupted>() {
            say("Without a network: --from takes the archive, a folder that holds it, or the address of a mirror.");
        }
    })?;
    anstream::println!("{}", there.folder.display());
    Ok(())
}

/// A set that is unpacked now.
#[derive(Deserialize)]
struct There {
    folder: PathBuf,
}

/// A set that is known.
#[derive(Deserialize)]
struct Known {
    name: String,
    title: String,
    images: u32,
    bytes: u64,
    licence: String,
    archive: Vec<Archive>,
}

#[derive(Deserialize)]
struct Archive {
    url: Option<String>,
}

fn list(caller: &Caller<'_>, downloader: &Tool) -> Result<()> {
    let known: Vec<Known> =
        Tool::answers(&mut downloader.command(["data-sets"]))?.into_iter().collect::<Result<_>>()?;
    for line in lines(&known) {
        anstream::println!("{line}");
    }
    say(format!("Fetch one with: {} fetch-data NAME", caller.name));
    Ok(())
}

/// Two lines for each set: name, size, images and title; then the licence.
fn lines(known: &[Known]) -> Vec<String> {
    let width = known.iter().map(|set| set.name.len()).max().unwrap_or(0);
    let line = |set: &Known| {
        let has_address = set.archive.iter().all(|archive| archive.url.is_some());
        let where_from = if has_address { "" } else { " (no public address: --from FILE, DIR or URL)" };
        let megabytes = set.bytes.div_ceil(1_000_000);
        [
            format!("{:width$} {megabytes:>4} MB {:>6} images  {}", set.name, set.images, set.title),
            format!("{:width$}    licence: {}{where_from}", "", set.licence),
        ]
    };
    known.iter().flat_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_size_licence_and_what_lacks_an_address() {
        let set = |name: &str, url: Option<&str>| Known {
            name: name.to_owned(),
            title: "leaves".to_owned(),
            images: 1295,
            bytes: 143_812_152,
            licence: "MIT".to_owned(),
            archive: vec![Archive { url: url.map(str::to_owned) }],
        };
        let lines = lines(&[set("beans", Some("https://x/beans.zip")), set("small", None)]);
        assert_eq!(lines[0], "beans  144 MB   1295 images  leaves");
        assert_eq!(lines[1], "         licence: MIT");
        assert!(lines[3].ends_with("--from FILE, DIR or URL)"), "{}", lines[3]);
    }
}
