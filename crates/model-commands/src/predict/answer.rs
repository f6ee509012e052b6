//! What is printed for an image: a line, or a JSON object.

use std::io::{self, Write};
use std::path::Path;

use report::text::{percent, visible};
use serde::Serialize;
use trained_model::neighbors::Neighbor;
use trained_model::predict::{ClassProbability, Prediction};

/// What is printed in place of a class that is not probable enough.
pub(super) const UNKNOWN: &str = "unknown";

#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    class: &'a str,
    probability: f64,
    /// With `--at-least`: whether the probability is below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<bool>,
    top: &'a [ClassProbability<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    logits: Option<&'a [f32]>,
    /// With `--heat-maps`: the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    heat_map: Option<String>,
    /// With `--neighbors`: the most similar training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbors: Option<Vec<Similar<'a>>>,
}

#[derive(Serialize)]
struct Similar<'a> {
    path: String,
    class: &'a str,
    similarity: f64,
}

/// What is printed for an image.
pub(super) struct Answer<'a> {
    pub(super) prediction: &'a Prediction<'a>,
    /// The most probable classes.
    pub(super) top: &'a [ClassProbability<'a>],
    /// Whether the most probable class is below the threshold; `None` without one.
    pub(super) unknown: Option<bool>,
    /// Its heat map, to be drawn.
    pub(super) heat_map: Option<&'a Path>,
    /// The most similar training images; `None` where they were not asked for.
    pub(super) neighbors: Option<&'a [Neighbor<'a>]>,
}

impl Answer<'_> {
    /// Name of the most probable class, or that it is unknown.
    pub(super) fn class(&self) -> &str {
        let best = self.top.first().map_or("", |best| best.class);
        if self.unknown == Some(true) { UNKNOWN } else { best }
    }

    pub(super) fn json(&self, out: &mut impl Write, logits: Option<&[f32]>) -> anyhow::Result<()> {
        let &Self { prediction, top, unknown, .. } = self;
        let Some(&ClassProbability { probability, .. }) = top.first() else { return Ok(()) };
        let class = self.class();
        let path = &*prediction.path.to_string_lossy();
        let heat_map = self.heat_map.map(|path| path.to_string_lossy().into_owned());
        let neighbors = self.neighbors.map(|all| all.iter().map(Similar::of).collect());
        let line = Line { path, class, probability, unknown, top, logits, heat_map, neighbors };
        serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
        Ok(writeln!(out)?)
    }

    pub(super) fn text(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let &Self { prediction, top, unknown, .. } = self;
        let named = |entry: &ClassProbability<'_>| format!("{} {}", entry.class, percent(entry.probability));
        let named = match top.first().filter(|_| unknown == Some(true)) {
            Some(best) => format!("{UNKNOWN} {}", percent(best.probability)),
            None => top.iter().map(named).collect::<Vec<_>>().join(", "),
        };
        let line = format!("{}: {named}", prediction.path.display());
        writeln!(out, "{}", visible(&line))?;
        for Neighbor { image, similarity } in self.neighbors.unwrap_or_default() {
            let line = format!("    {similarity:.3} {} {}", image.class, image.path.display());
            writeln!(out, "{}", visible(&line))?;
        }
        Ok(())
    }
}

impl<'a> Similar<'a> {
    fn of(Neighbor { image, similarity }: &Neighbor<'a>) -> Self {
        Self { path: image.path.to_string_lossy().into_owned(), class: &image.class, similarity: *similarity }
    }
}
