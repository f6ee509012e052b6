//! Linear classifiers on the frozen stages of a network, and which of them to take.

use std::ops::Range;

use records::FrozenArm;
use tch::Tensor;

use crate::choose::{Paired, choose};
use crate::ending::{Ends, earlier_ends};
use crate::folds::{deal_groups, left_out_together};
use crate::held_out::HeldOut;
use crate::linear_head::LinearHead;
use crate::{Error, joined, ridge};

/// Stages that are read together where nothing else is known: the last three.
const LAST: usize = 3;

/// Linear classifiers on frozen features.
#[derive(Debug)]
pub struct Frozen {
    /// Number of parts of the images that were left out in turn.
    pub folds: usize,
    /// On the pixels, then on each stage.
    pub heads: Vec<LinearHead>,
    /// On each stage and on several joined; the default and the best are marked.
    pub arms: Vec<FrozenArm>,
    /// Index of the arm at which a network that is not trained ends better than at its last stage, by more than one standard
    /// error.
    pub earlier: Option<usize>,
    /// What that was decided from.
    pub ends: Ends,
}

/// Pooled features of one stage.
#[derive(Clone, Copy, Debug)]
pub struct StageOutput<'a> {
    /// The stage's name.
    pub name: &'a str,
    /// `[N, D]`
    pub values: &'a Tensor,
}

/// Labels and groups of the images that are measured.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// Label of each image.
    pub labels: &'a [usize],
    /// Number of classes.
    pub classes: usize,
    /// Group of each image.
    pub groups: &'a [Option<u32>],
    /// Decides the folds.
    pub seed: u64,
}

impl Labelled<'_> {
    /// Refuses images of which none can be left out.
    ///
    /// # Errors
    /// When fewer than two classes have two images, or two groups of images.
    pub fn check(&self) -> Result<(), Error> {
        deal_groups(self.labels, self.classes, self.groups, 2, 0).check(self.labels)
    }
}

/// Fits a linear classifier on the pixels, on every stage, from input to head, and on several stages joined. `progress` gets
/// the number of fits done before each one, and their total; it ends the work by an error.
///
/// # Errors
/// As [`ridge::fit_groups`], and what `progress` returns.
pub fn fit<E: From<Error>>(
    pixels: &Tensor,
    stages: &[StageOutput<'_>],
    labelled: &Labelled<'_>,
    progress: &mut dyn FnMut(u64, u64) -> Result<(), E>,
) -> Result<Frozen, E> {
    let mut ways = Arms::of(stages.len());
    let total = 1 + ways.stages.len() as u64;
    progress(0, total)?;
    let Labelled { labels, classes, groups, seed } = *labelled;
    let (parts, folds) = left_out_together(labels, classes, groups, seed);
    let head_on = |features: &Tensor| ridge::fit_groups(features, labels, classes, &parts);
    let pixels = head_on(pixels)?;
    let fit_to = |way: &Range<usize>| {
        let values: Vec<&Tensor> = stages[way.clone()].iter().map(|stage| stage.values).collect();
        head_on(&joined(&values)?)
    };
    let mut heads = Vec::new();
    for (way, done) in ways.stages.iter().zip(1..) {
        progress(done, total)?;
        heads.push(fit_to(way)?);
    }
    progress(total, total)?;

    // A network that ends earlier costs nothing more where its head reads the stages before its end, too.
    let mut widened = vec![None; heads.len()];
    for end in earlier_ends(&losses(&heads), &ways.stages) {
        if let Some(wider) = ways.with_those_before(end) {
            heads.push(fit_to(&wider)?);
            widened.push(Some(end));
            ways.stages.push(wider);
        }
    }
    let ends = Ends {
        losses: losses(&heads).into_iter().map(<[f64]>::to_vec).collect(),
        ways: ways.stages.clone(),
        widened,
    };
    let images: Vec<usize> = (0..ends.losses.first().map_or(0, Vec::len)).collect();
    let earlier = ends.earlier(&images);
    let held_out: Vec<&HeldOut> = heads.iter().map(|head| &head.held_out).collect();
    let best = choose(&held_out, ways.default);
    let arms = ways.stages.iter().zip(&held_out).enumerate().map(|(index, (way, held))| {
        let paired = Paired::of(held_out[ways.default].losses(), held.losses());
        let outputs = &stages[way.clone()];
        let features: i64 =
            outputs.iter().map(|output| output.values.size().last().copied().unwrap_or(0)).sum();
        FrozenArm {
            stages: outputs.iter().map(|output| output.name.to_owned()).collect(),
            features: u64::try_from(features).unwrap_or(0),
            loss: held.loss(),
            accuracy: held.accuracy(),
            standard_error: held.standard_error(),
            gain: paired.gain,
            gain_error: paired.standard_error,
            default: index == ways.default,
            best: index == best,
        }
    });
    let arms = arms.collect();
    heads.truncate(stages.len());
    heads.insert(0, pixels);
    Ok(Frozen { folds, heads, arms, earlier, ends })
}

/// Losses of each head on images that it was not fitted on.
fn losses(heads: &[LinearHead]) -> Vec<&[f64]> {
    heads.iter().map(|head| head.held_out.losses()).collect()
}

/// Ways to read a network of frozen stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arms {
    /// Stages whose features are joined, by position from the input; each stage alone, then those of several.
    pub stages: Vec<Range<usize>>,
    /// Index of the default among them: the last three stages, or all of fewer.
    pub default: usize,
}

impl Arms {
    /// Returns the ways to read this number of stages: each alone, the last three, the last two thirds, all.
    pub fn of(stages: usize) -> Self {
        let mut all: Vec<Range<usize>> = (0..stages).map(|stage| stage..stage + 1).collect();
        let default = stages.saturating_sub(LAST)..stages;
        for joined in [default.clone(), stages / 3..stages, 0..stages] {
            if !joined.is_empty() && !all.contains(&joined) {
                all.push(joined);
            }
        }
        let default = all.iter().position(|arm| *arm == default).unwrap_or(0);
        Self { stages: all, default }
    }

    /// Returns the stage of a way together with the two before it; `None` for several stages, for the first one, and where
    /// that is a way already.
    fn with_those_before(&self, way: usize) -> Option<Range<usize>> {
        let Range { start, end } = self.stages[way].clone();
        let wider = start.saturating_sub(LAST - 1)..end;
        (end - start == 1 && start > 0 && !self.stages.contains(&wider)).then_some(wider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_alone_and_joined_each_way_once() {
        let nine = Arms::of(9);
        assert_eq!(nine.stages[..9], [0..1, 1..2, 2..3, 3..4, 4..5, 5..6, 6..7, 7..8, 8..9]);
        assert_eq!((&nine.stages[9..], nine.default), (&[6..9, 3..9, 0..9][..], 9));
        assert_eq!(Arms::of(3), Arms { stages: vec![0..1, 1..2, 2..3, 0..3, 1..3], default: 3 });
        assert_eq!(Arms::of(1), Arms { stages: std::iter::once(0..1).collect(), default: 0 });
        assert!(Arms::of(0).stages.is_empty());
        let wider: Vec<Option<Range<usize>>> =
            [0, 1, 4, 8, 9].map(|way| nine.with_those_before(way)).to_vec();
        assert_eq!(wider, [None, Some(0..2), Some(2..5), None, None]);
    }
}
