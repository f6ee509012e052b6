//! A checkpoint file held against a network: with which channels and size of images it fits, if at all.

use backbone::{Auxiliary, Backbone, LoadReport, Network, Options, Values};
use checkpoint::Checkpoint;
use checkpoint::Opened;

use crate::networks;
use crate::source_weights::{classes_in, recorded_ending, recorded_input};

/// A file held against one network.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The network.
    pub network: &'static Network,
    /// Its tensors, with no values.
    pub checkpoint: Checkpoint,
    /// What would become of them.
    pub report: LoadReport,
    /// Whether the auxiliary heads of the network, if it has some, are in the file.
    pub auxiliary_heads: bool,
    /// Number of classes of the file's head, if it has one.
    pub classes: Option<i64>,
    /// Channels of images with which it fits best.
    pub channels: i64,
    /// Side of images with which it fits best, in pixels.
    pub size: i64,
    /// Whether the network is built for one size.
    pub fixed_size: bool,
    /// Whether nothing differs but the head.
    pub usable: bool,
}

/// The largest side that is tried.
const LARGEST: i64 = 512;

/// A file held against every network of the zoo, with and without auxiliary heads.
pub fn fitted_to_all(opened: &Opened) -> Vec<Fitted> {
    let mut all = Vec::new();
    for network in networks() {
        let checkpoint = opened.outline(Some(&network.layout()));
        let without = fitted(network, &checkpoint, Auxiliary::LeftOut);
        let with = fitted(network, &checkpoint, Auxiliary::Built);
        if with.auxiliary_heads {
            all.push(with);
        }
        all.push(without);
    }
    all
}

/// The outline of a file with a network's names held against it, for the channels and the size that suit it best.
pub fn fitted(network: &'static Network, checkpoint: &Checkpoint, auxiliary: Auxiliary) -> Fitted {
    let recorded = recorded_input(checkpoint).ok().flatten();
    let input = recorded.unwrap_or_else(|| (network.input)());
    let classes = classes_in(network, checkpoint);
    let build = |channels: i64, size: i64| {
        let options = Options {
            classes: classes.unwrap_or(Options::default().classes),
            channels,
            size,
            auxiliary,
            ..Options::default()
        };
        let mut outline = network.build(Values::Outline, &options);
        // What the metadata say of another network does not fit, and shows in the tensors.
        let _ = outline.end(&recorded_ending(checkpoint));
        outline
    };
    let smallest = i64::from(network.smallest_input);
    let (mut channels, mut size) = (i64::from(input.channels), i64::from(input.crop).max(smallest));
    let mut outline = build(channels, size);
    let mut report = outline.compare(checkpoint);
    if !report.wrong_shape.is_empty()
        && let Some(theirs) = channels_in(&outline, checkpoint).filter(|theirs| *theirs != channels)
    {
        channels = theirs;
        outline = build(channels, size);
        report = outline.compare(checkpoint);
    }
    let differs = |backbone: &Backbone| backbone.compare(checkpoint).wrong_shape.len();
    let fixed_size = shapes(&build(channels, smallest)) != shapes(&build(channels, smallest + 64));
    if fixed_size && !report.wrong_shape.is_empty() {
        let fewest = (smallest..=LARGEST).min_by_key(|&side| differs(&build(channels, side)));
        if let Some(side) = fewest.filter(|&side| differs(&build(channels, side)) < report.wrong_shape.len())
        {
            size = side;
            outline = build(channels, size);
            report = outline.compare(checkpoint);
        }
    }
    let auxiliary_heads = outline.aux().next().is_some();
    Fitted {
        network,
        report,
        auxiliary_heads,
        classes,
        channels,
        size,
        fixed_size,
        usable: outline.fit(checkpoint).is_ok(),
        checkpoint: checkpoint.clone(),
    }
}

/// Channels that the first convolution reads in the file.
fn channels_in(outline: &Backbone, checkpoint: &Checkpoint) -> Option<i64> {
    let first = outline.variables().all().into_iter().find(|variable| variable.tensor.dim() == 4)?;
    let shape = &checkpoint.tensors.get(&first.name)?.shape;
    i64::try_from(*shape.get(1)?).ok().filter(|channels| (1..=16).contains(channels))
}

/// Of what does not follow from the size of images, or is fitted to it.
fn shapes(backbone: &Backbone) -> Vec<Vec<i64>> {
    let variables = backbone.variables();
    let fixed = variables.all().into_iter().filter(|variable| variables.refit(&variable.name).is_none());
    fixed.map(|variable| variable.tensor.size()).collect()
}
