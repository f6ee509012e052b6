//! The files of catalog entries and of Hugging Face's hub: from where they are published, a mirror or a folder.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pretrained::fetch::{Fetcher, FromHub, Hub, Patience, Source, fetch_all};
use pretrained::hub::HubFile;
use pretrained::{Catalog, Entry};

use crate::progress;
use crate::there::There;

/// Fetch pretrained weights of the catalog or of Hugging Face's hub
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Networks, such as resnet50 (its default weights) or resnet50:IMAGENET1K_V1; or files of Hugging Face's hub, such as
    /// hf:OWNER/NAME, hf:OWNER/NAME@REV or hf:OWNER/NAME:FILE
    #[arg(value_name = "ARCH[:WEIGHTS]", conflicts_with = "all", required_unless_present = "all")]
    archs: Vec<String>,
    /// Everything in the catalog
    #[arg(long)]
    all: bool,
    /// A folder or mirror that has the files
    #[arg(long, value_name = "DIR|URL")]
    from: Option<String>,
    /// Where they go
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

/// Downloads at a time.
const AT_A_TIME: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// Fetches what is asked for; nothing, if one of the names is unknown.
pub(crate) fn fetch(arguments: &Arguments) -> Vec<anyhow::Result<There>> {
    let Wanted { entries, files } = match wanted(arguments, Catalog::builtin()) {
        Ok(wanted) => wanted,
        Err(error) => return vec![Err(error.into())],
    };
    let source = arguments.from.as_deref().map_or(Source::Origin, Source::from_argument);
    let mut there = of_catalog(&entries, &source, arguments);
    if !files.is_empty() {
        match Hub::from_environment(Fetcher::new(Patience::default())) {
            Ok(hub) => there.extend(files.iter().map(|file| of_hub(&hub, file, &source, arguments))),
            Err(error) => there.push(Err(error.into())),
        }
    }
    there
}

fn of_catalog(entries: &[&Entry], source: &Source, arguments: &Arguments) -> Vec<anyhow::Result<There>> {
    let watchers = entries.iter().map(|entry| Mutex::new(progress::of_fetch(entry.file.as_str())));
    let watchers: Vec<_> = watchers.collect();
    let fetcher = Fetcher::new(Patience::default());
    let fetched = fetch_all(&fetcher, entries, source, &arguments.into, AT_A_TIME, &|index, event| {
        let mut watcher = watchers[index].lock().unwrap_or_else(PoisonError::into_inner);
        watcher(event);
    });
    let there = |(entry, fetched): (&&Entry, Result<_, pretrained::Error>)| {
        let (arch, name, licence) = (entry.arch.clone(), entry.name.clone(), entry.licence.clone());
        match fetched {
            Ok(file) => Ok(There::Weights { arch, name, licence, file }),
            Err(error) => Err(anyhow::anyhow!("{arch} {name}: {error}")),
        }
    };
    entries.iter().zip(fetched).map(there).collect()
}

fn of_hub(hub: &Hub, file: &HubFile, source: &Source, arguments: &Arguments) -> anyhow::Result<There> {
    let mut progress = progress::of_fetch(file.to_string());
    let FromHub { name, licence, file } = hub.fetch(file, source, &arguments.into, &mut progress)?;
    Ok(There::OfHub { hub: name.to_string(), licence, file })
}

/// What is asked for.
struct Wanted<'a> {
    entries: Vec<&'a Entry>,
    files: Vec<HubFile>,
}

fn wanted<'a>(arguments: &Arguments, catalog: &'a Catalog) -> Result<Wanted<'a>, pretrained::Error> {
    let (mut entries, mut files) = (Vec::new(), Vec::new());
    if arguments.all {
        entries.extend(catalog.entries());
    }
    for name in &arguments.archs {
        match HubFile::parse(name)? {
            Some(file) => files.push(file),
            None => entries.push(named(catalog, name)?),
        }
    }
    Ok(Wanted { entries, files })
}

/// `resnet50` or `resnet50:IMAGENET1K_V1`.
fn named<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Entry, pretrained::Error> {
    match name.split_once(':') {
        Some((arch, weights)) => catalog.find(arch, weights),
        None => catalog.default_for(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_named_with_or_without_its_weights() {
        let catalog = Catalog::builtin();
        assert!(named(catalog, "resnet50").unwrap().is_default);
        let first = named(catalog, "resnet50:IMAGENET1K_V1").unwrap();
        assert_eq!((first.arch.as_str(), first.name.as_str()), ("resnet50", "IMAGENET1K_V1"));
        let error = named(catalog, "resnet51").unwrap_err().to_string();
        assert!(error.contains("resnet50"), "{error}");
        assert!(named(catalog, "resnet50:V9").unwrap_err().to_string().contains("IMAGENET1K_V2"));
    }
}
