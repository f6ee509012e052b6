use std::collections::BTreeSet;

use records::Depth;

use crate::decision::decide;
use crate::posterior::{Field, Posterior};
use crate::rules::{Measure, Rules};
use crate::{Kind, Place};

/// Whether deep arms are tried, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// They can pay.
    Open(&'static str),
    /// They cannot.
    Closed(&'static str),
}

/// Returns whether arms that train most of the network can pay: with few images they cannot be told from the others, and
/// where neither going back a few stages nor an earlier stage gains anything there is little that they could gain.
#[must_use]
pub fn gate(field: &Field<'_>, posterior: &Posterior, rules: &Rules) -> Gate {
    let images = field.images.len();
    if images < rules.fewest_for_deep {
        return Gate::Closed("too few images to tell deep arms from others");
    }
    if images >= rules.enough_for_deep {
        return Gate::Open("enough images for a deep arm to learn from");
    }
    let head = best(field, posterior, |kind| *kind == Kind::Depth(Depth::Head))
        .or_else(|| best(field, posterior, |kind| *kind == Kind::Stage(Place::Last)));
    let further = best(field, posterior, |kind| {
        !matches!(kind, Kind::Depth(Depth::Head)) && matches!(kind, Kind::Depth(_))
    });
    if let (Some(head), Some(further)) = (head, further)
        && posterior.mean[further] - posterior.mean[head] > posterior.error(further, head)
    {
        return Gate::Open("going back further gains over the head alone");
    }
    if is_unlike(field, posterior) {
        return Gate::Open("an earlier stage tells the classes apart better than the last one");
    }
    Gate::Closed(match further {
        Some(_) => "neither an earlier stage nor going back further gains anything",
        None => "no earlier stage gains anything, and going back further was not measured",
    })
}

/// Returns whether a linear classifier on an earlier stage is better than on the last by more than one standard error.
pub(crate) fn is_unlike(field: &Field<'_>, posterior: &Posterior) -> bool {
    let last = best(field, posterior, |kind| *kind == Kind::Stage(Place::Last));
    let earlier = best(field, posterior, |kind| *kind == Kind::Stage(Place::Earlier));
    let (Some(last), Some(earlier)) = (last, earlier) else { return false };
    posterior.mean[earlier] - posterior.mean[last] > posterior.error(earlier, last)
}

/// Returns the best of the linear arms that other arms end as; `None` where there are none.
pub(crate) fn best_early_end(field: &Field<'_>, posterior: &Posterior) -> Option<usize> {
    let ends: BTreeSet<usize> = field.arms.iter().filter_map(|arm| arm.ends_as).collect();
    let places = (0..posterior.arms.len()).filter(|&place| ends.contains(&posterior.arms[place]));
    places.max_by(|&a, &b| posterior.mean[a].total_cmp(&posterior.mean[b])).map(|place| posterior.arms[place])
}

/// Place of the best measured arm of a kind.
fn best(field: &Field<'_>, posterior: &Posterior, is: impl Fn(&Kind) -> bool) -> Option<usize> {
    let places = (0..posterior.arms.len()).filter(|&place| is(&field.arms[posterior.arms[place]].kind));
    places.reduce(|best, next| if posterior.mean[next] > posterior.mean[best] { next } else { best })
}

/// Measure by which the images are called alike or unlike those of the source.
pub(crate) const LIKENESS: Measure = Measure::Loss;

/// Arms among which the choice is made: those that are measured and not dropped.
pub(crate) fn choice(field: &Field<'_>, dropped: &[bool], by: Measure) -> Option<crate::Decision> {
    let left: Vec<usize> = (0..field.arms.len()).filter(|&arm| !dropped[arm]).collect();
    decide(&Posterior::of(field, by), field.arms, &left)
}
