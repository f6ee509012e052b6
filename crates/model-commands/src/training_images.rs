//! The training images of a run, to be compared with others.

use std::path::{Path, PathBuf};

use anyhow::Context;
use features::feature_cache::FeatureCache;
use images::{Labelled, Origin, Sample, Selection, SplitName};
use trained_model::model::Model;
use trained_model::neighbors::{Known, Neighbors};
use trained_model::predict::Batching;

/// Training images with their features.
pub(crate) struct TrainingImages {
    /// What paths are shown relative to.
    pub(crate) root: PathBuf,
    /// The images.
    pub(crate) neighbors: Neighbors,
}

impl TrainingImages {
    /// Opens those of a run, or the labelled images of a folder.
    pub(crate) fn open(
        model: &Model,
        run: Option<&Path>,
        data: Option<&Path>,
        batching: Batching,
    ) -> anyhow::Result<Self> {
        let config = run.map(|run| run_config::read(&run.join("config.toml"), &[])).transpose();
        let listed = match (data, &config) {
            (Some(folder), _) => of_folder(folder)?,
            (None, Ok(Some((config, source)))) => {
                let set = features::dataset::list(&config.data, source, config.run.seed)?;
                Listed { root: set.root, classes: set.classes, samples: set.train }
            }
            (None, Ok(None)) => anyhow::bail!("name labelled images with --data"),
            (None, Err(_)) => return Err(config.err().context("no configuration")?.into()),
        };
        let default = run_config::RunConfig::default().cache_mib;
        let mib = config.ok().flatten().map_or(default, |(config, _)| config.run.cache_mib);
        let cache = FeatureCache::of_user(mib.saturating_mul(1 << 20));
        let Listed { root, classes, samples } = listed;
        let known = samples
            .into_iter()
            .map(|sample| Known { class: classes[sample.label].clone(), path: sample.path })
            .collect();
        let neighbors = Neighbors::of(model, known, batching, cache.as_ref())?;
        Ok(Self { root, neighbors })
    }
}

/// Labelled images.
struct Listed {
    root: PathBuf,
    classes: Vec<String>,
    samples: Vec<Sample>,
}

/// Those of `train/`, or of a folder without splits all.
fn of_folder(folder: &Path) -> anyhow::Result<Listed> {
    let open = |split| Labelled::open(Origin::Folder(folder), &Selection::default(), split);
    let set = open(Some(SplitName::Train)).or_else(|_| open(None)).map_err(features::Error::from)?;
    let Labelled { root, classes, samples, .. } = set;
    Ok(Listed { root, classes, samples })
}
