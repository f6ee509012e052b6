//! Figures of a ranking: images ordered by the score of a class, those of the class against all others.

/// Images of a class and all others, the highest score first, as far as there are images of the class.
///
/// Images of equal score stand together: in which order they come never matters, as in `sklearn.metrics`.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// Image, whether it is of the class, and whether it is the last of its score.
    ranked: Vec<Ranked>,
    /// Number of images of the class.
    positives: u64,
    /// Number of all others.
    negatives: u64,
}

/// An image in a ranking.
#[derive(Clone, Copy, Debug)]
struct Ranked {
    image: u32,
    is_positive: bool,
    ends_ties: bool,
}

/// What a ranking comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankingFigures {
    /// Area under the receiver operating characteristic, in `0..=1`: how likely an image of the class ranks above another,
    /// ties counting half. As `sklearn.metrics.roc_auc_score`.
    pub auroc: f64,
    /// Average precision, in `0..=1`: the precision at each image of the class, averaged over them. As
    /// `sklearn.metrics.average_precision_score`.
    pub average_precision: f64,
}

impl Ranking {
    /// Ranks images by their scores for a class; `labels` has the class of each. `None` where there are no images of the
    /// class, or none of any other.
    #[must_use]
    pub fn of(scores: &[f64], labels: &[usize], class: usize) -> Option<Self> {
        let is_positive = |image: u32| labels[image as usize] == class;
        let count = u32::try_from(scores.len().min(labels.len())).unwrap_or(u32::MAX);
        let positives = (0..count).filter(|&image| is_positive(image)).count() as u64;
        let negatives = u64::from(count) - positives;
        if positives == 0 || negatives == 0 {
            return None;
        }
        // What ranks below the last image of the class counts in full, in whatever order.
        let of_class = (0..count).filter(|&image| is_positive(image)).map(|image| scores[image as usize]);
        let lowest = of_class.min_by(f64::total_cmp)?;
        let reaches = |image: &u32| scores[*image as usize].total_cmp(&lowest).is_ge();
        let mut order: Vec<u32> = (0..count).filter(reaches).collect();
        order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
        let next = order.iter().skip(1).map(Some).chain([None]);
        let ranked = order.iter().zip(next).map(|(&image, next)| Ranked {
            image,
            is_positive: is_positive(image),
            ends_ties: next.is_none_or(|&next| scores[next as usize] != scores[image as usize]),
        });
        Some(Self { ranked: ranked.collect(), positives, negatives })
    }

    /// Returns the figures of the images as they are.
    #[must_use]
    pub fn figures(&self) -> RankingFigures {
        self.weighted(|_| 1)
    }

    /// Returns the figures of the images, each repeated as often as its weight says. The weights of the class's images sum
    /// to their number, and those of all others to theirs.
    pub(crate) fn weighted(&self, weight: impl Fn(u32) -> u64) -> RankingFigures {
        let (mut positives, mut negatives) = (0u64, 0u64);
        let (mut tied_positives, mut tied_negatives) = (0u64, 0u64);
        // Twice the number of pairs in the right order, so that ties count 1.
        let (mut pairs, mut precision) = (0u64, 0.0);
        for ranked in &self.ranked {
            let weight = weight(ranked.image);
            if ranked.is_positive {
                tied_positives += weight;
            } else {
                tied_negatives += weight;
            }
            if ranked.ends_ties {
                if tied_positives > 0 {
                    let below = self.negatives - negatives - tied_negatives;
                    pairs += tied_positives * (2 * below + tied_negatives);
                    let found = (positives + tied_positives) as f64;
                    let named = (positives + tied_positives + negatives + tied_negatives) as f64;
                    precision += tied_positives as f64 * found / named;
                }
                positives += tied_positives;
                negatives += tied_negatives;
                (tied_positives, tied_negatives) = (0, 0);
            }
        }
        let all = (2 * self.positives * self.negatives) as f64;
        RankingFigures { auroc: pairs as f64 / all, average_precision: precision / self.positives as f64 }
    }
}

/// Whether a class is among the `count` classes of the highest scores; of classes with equal scores the last come first, as
/// in `sklearn.metrics.top_k_accuracy_score`.
#[must_use]
pub fn is_in_top(scores: &[f32], class: usize, count: usize) -> bool {
    let Some(own) = scores.get(class) else { return false };
    let before = |(other, score): (usize, &f32)| {
        let order = score.total_cmp(own);
        order.is_gt() || order.is_eq() && other > class
    };
    scores.iter().enumerate().filter(|&scored| before(scored)).count() < count
}
