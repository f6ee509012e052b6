use report::record::Similarity;

use super::rule::{Because, Evidence, Verdict};

/// What stands around a verdict.
pub(super) struct Circumstances<'a> {
    /// The source, as a reader knows it: `ImageNet`, or the file of the weights.
    pub(super) source: &'a str,
    /// Names of the stages that have something to train, from input to head.
    pub(super) names: &'a [String],
    /// The first stage that would be trained.
    pub(super) live: &'a str,
    /// Pictures that were looked at.
    pub(super) images: usize,
    /// Share of resampled sets that give the same depth.
    pub(super) confidence: f64,
}

/// Fewer pictures than this say little.
const SCANT: usize = 50;

/// A verdict in a paragraph: what the figures are, the rule they fall under, and what to do.
pub(super) fn paragraph(verdict: &Verdict, evidence: &Evidence<'_>, around: &Circumstances<'_>) -> String {
    let images = count(evidence.images / evidence.classes);
    let source = around.source;
    let last = percent(evidence.stages.last().copied().unwrap_or(evidence.pixels));
    let pixels = percent(evidence.pixels);
    let relation = match verdict.similarity {
        Similarity::Alike => format!("Your {images} images per class resemble those of {source}"),
        Similarity::Related => {
            format!("Your {images} images per class are related to those of {source}, not alike")
        }
        Similarity::Unlike => format!("Your {images} images per class are unlike those of {source}"),
    };
    let figures = format!(
        "a linear classifier on what the head reads tells {last} of them rightly, one on the pixels {pixels}"
    );
    let live = around.live;
    let rule = match verdict.because {
        Because::GoodEnough => "where the features separate the classes there is nothing to gain further back: freeze everything but the head".to_owned(),
        Because::TooLarge => format!(
            "{}the last stages look for other things, and the images are too few to teach a network of this size what its weights do not know: freeze everything but the head, and expect more of more images, of a smaller network or of weights closer to them",
            if verdict.little_value() { "transfer is of little value here: " } else { "" }
        ),
        Because::LittleValue => format!(
            "transfer is of little value here, for the best stage takes away only {} of the errors that the pixels leave: train all stages at the full rate, the weights being no more than a starting point, and expect more of more images or of weights closer to them",
            percent(verdict.value.max(0.0))
        ),
        Because::LateStagesLost(place) => format!(
            "the less the new images resemble the old ones, the further back and the faster to train; the features after {} would serve better than those after the last stage, which looks for other things: train all stages at the full rate",
            around.names.get(place).map_or("an earlier stage", String::as_str)
        ),
        Because::Related => "the less the new images resemble the old ones, the further back and the faster to train: train all stages, at half the head's rate".to_owned(),
        Because::TooFew => format!(
            "so few images cannot tell how much they resemble the old ones, and a network trained far back on them would learn them by heart: freeze everything before {live} and train the rest gently, after the head"
        ),
        Because::FewImages => format!(
            "the more the new images resemble the old ones, and the fewer they are, the less to train: freeze everything before {live} and train the rest gently, after the head"
        ),
        Because::ManyImages => "the more images, the deeper to train, even where they resemble the old ones: train all stages, after the head".to_owned(),
    };
    let scant = if around.images < SCANT {
        format!(" Only {} images were looked at, so these figures are rough.", around.images)
    } else if around.confidence < 0.7 {
        " Other images of the same kind could well lead to another depth.".to_owned()
    } else {
        String::new()
    };
    format!("{relation}: {figures}. The rule: {rule}.{scant}")
}

fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// A mean number of images without needless digits.
fn count(mean: f64) -> String {
    if (mean - mean.round()).abs() < 0.05 || mean >= 20.0 {
        format!("{mean:.0}")
    } else {
        format!("{mean:.1}")
    }
}
