use records::Similarity;
use records::wording::percent;

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
    let last = percent(evidence.stages.last().copied().unwrap_or(evidence.pixels));
    let pixels = percent(evidence.pixels);
    let opening = opening(verdict, evidence, around.source);
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
            "transfer is of little value here, for {}: train all stages at the full rate, the weights being no more than a starting point, and expect more of more images or of weights closer to them",
            if pixels_suffice(evidence) {
                "the pixels leave no errors that a stage could take away".to_owned()
            } else {
                format!(
                    "the best stage takes away only {} of the errors that the pixels leave",
                    percent(verdict.value.max(0.0))
                )
            }
        ),
        Because::LateStagesLost(place) => format!(
            "the less the new images resemble the old ones, the further back and the faster to train; the features after {} would serve better than those after the last stage, which looks for other things: train all stages at the full rate",
            around.names.get(place).map_or("an earlier stage", String::as_str)
        ),
        Because::Related => "the less the new images resemble the old ones, the further back and the faster to train: train all stages, at half the head's rate".to_owned(),
        Because::TooFew => format!(
            "a network that is trained far back on so few images would learn them by heart: freeze everything before {live} and train the rest gently, after the head"
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
    format!("{opening}: {figures}. The rule: {rule}.{scant}")
}

/// What the new images are to the source's, as far as the reason for the verdict rests on it.
fn opening(verdict: &Verdict, evidence: &Evidence<'_>, source: &str) -> String {
    let images = format!("Your {} images per class", count(evidence.images / evidence.classes));
    match (verdict.because, similarity(verdict, evidence)) {
        (Because::GoodEnough, _) => {
            format!("What the network knows of {source} tells the classes of your images apart already")
        }
        (Because::TooFew, _) => {
            // The rule counts them all.
            let all = count(evidence.images);
            format!("Your {all} images are too few to tell how much they resemble those of {source}")
        }
        (_, Some(Similarity::Alike)) => format!("{images} resemble those of {source}"),
        (_, Some(Similarity::Related)) => format!("{images} are related to those of {source}, not alike"),
        (_, Some(Similarity::Unlike)) => format!("{images} are unlike those of {source}"),
        (_, None) => {
            format!("{images} are so easy that they cannot tell how much they resemble those of {source}")
        }
    }
}

/// The verdict's similarity, where the figures bear it: not from a few images, nor from pixels that leave no errors to take
/// away, nor where what the head reads errs as little as the pixels do.
pub(super) fn similarity(verdict: &Verdict, evidence: &Evidence<'_>) -> Option<Similarity> {
    match verdict.because {
        Because::TooFew => None,
        Because::GoodEnough if verdict.similarity == Similarity::Unlike => None,
        _ if pixels_suffice(evidence) => None,
        _ => Some(verdict.similarity),
    }
}

/// Whether a probe on pixels makes no error.
fn pixels_suffice(evidence: &Evidence<'_>) -> bool {
    evidence.pixels >= 1.0
}

/// A mean number of images without needless digits.
fn count(mean: f64) -> String {
    if (mean - mean.round()).abs() < 0.05 || mean >= 20.0 {
        format!("{mean:.0}")
    } else {
        format!("{mean:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::decide;
    use super::*;

    /// Two classes, a network of 60 thousand parameters.
    fn evidence(pixels: f64, stages: &[f64], images: f64) -> Evidence<'_> {
        Evidence { pixels, stages, images, classes: 2.0, parameters: 6e4 }
    }

    /// The paragraph on this evidence, which must fall under this line of the rule.
    #[track_caller]
    fn said(because: Because, evidence: &Evidence<'_>) -> String {
        let verdict = decide(evidence);
        assert_eq!(verdict.because, because);
        let names = ["conv1", "conv2", "fc1"].map(String::from);
        let around =
            Circumstances { source: "ImageNet", names: &names, live: "conv2", images: 400, confidence: 0.9 };
        paragraph(&verdict, evidence, &around)
    }

    #[track_caller]
    fn assert_says(said: &str, opening: &str, rule: &[&str]) {
        assert!(said.starts_with(opening), "{said}");
        for part in rule {
            assert!(said.contains(part), "{part:?}: {said}");
        }
        // It never says both that they are unlike and that this cannot be told.
        assert!(!(said.contains("unlike") && said.contains("to tell how much")), "{said}");
        assert!(!said.contains("  ") && said.ends_with('.'), "{said}");
    }

    #[test]
    fn good_enough_says_nothing_of_likeness() {
        for (pixels, stages) in [(0.6, [0.7, 0.9, 0.99]), (0.98, [0.97, 0.97, 0.98]), (1.0, [1.0, 1.0, 1.0])]
        {
            let said = said(Because::GoodEnough, &evidence(pixels, &stages, 80.0));
            let rule = ["nothing to gain further back: freeze everything but the head"];
            assert_says(&said, "What the network knows of ImageNet tells the classes", &rule);
            assert!(!said.contains("unlike") && !said.contains("little value"), "{said}");
        }
    }

    #[test]
    fn too_large_says_what_to_wish_for_and_whether_transfer_is_worth_it() {
        let large = |stages| Evidence { parameters: 3e6, ..evidence(0.4, stages, 300.0) };
        let said = said(Because::TooLarge, &large(&[0.6, 0.8, 0.45]));
        assert_says(
            &said,
            "Your 150 images per class are unlike those of ImageNet: ",
            &["a smaller network"],
        );
        assert!(!said.contains("little value"), "{said}");
        let related = self::said(Because::TooLarge, &large(&[0.6, 0.8, 0.6]));
        assert_says(&related, "Your 150 images per class are related to those of ImageNet, not alike: ", &[]);
        let little = self::said(Because::TooLarge, &large(&[0.45, 0.45, 0.41]));
        assert_says(&little, "Your 150 images per class are unlike", &["transfer is of little value here: "]);
    }

    #[test]
    fn little_value_says_so() {
        let said = said(Because::LittleValue, &evidence(0.6, &[0.62, 0.63, 0.61], 100.0));
        let rule =
            ["transfer is of little value here, for the best stage takes away only 7.5% of the errors"];
        assert_says(&said, "Your 50 images per class are unlike those of ImageNet: ", &rule);
    }

    #[test]
    fn perfect_pixels_are_no_evidence_of_unlike_images() {
        let evidence = evidence(1.0, &[0.9, 0.92, 0.9], 100.0);
        let said = said(Because::LittleValue, &evidence);
        let rule = ["transfer is of little value here, for the pixels leave no errors"];
        assert_says(&said, "Your 50 images per class are so easy that they cannot tell", &rule);
        assert!(!said.contains("unlike"), "{said}");
        assert_eq!(similarity(&decide(&evidence), &evidence), None);
    }

    #[test]
    fn late_stages_lost_names_the_stage_that_would_serve() {
        let said = said(Because::LateStagesLost(1), &evidence(0.4, &[0.6, 0.8, 0.42], 50.0));
        let rule = ["the features after conv2 would serve better", "train all stages at the full rate"];
        assert_says(&said, "Your 25 images per class are unlike those of ImageNet: ", &rule);
    }

    #[test]
    fn too_few_cannot_tell_likeness() {
        let evidence = evidence(0.5, &[0.6, 0.7, 0.65], 29.0);
        let said = said(Because::TooFew, &evidence);
        let rule = ["so few images would learn them by heart: freeze everything before conv2"];
        assert_says(&said, "Your 29 images are too few to tell how much they resemble", &rule);
        assert!(!decide(&evidence).little_value());
        assert_eq!(similarity(&decide(&evidence), &evidence), None);
    }

    #[test]
    fn few_images_that_are_alike_leave_most_of_the_network_alone() {
        let said = said(Because::FewImages, &evidence(0.5, &[0.6, 0.8, 0.85], 200.0));
        let rule = ["tells 85.0% of them rightly, one on the pixels 50.0%", "freeze everything before conv2"];
        assert_says(&said, "Your 100 images per class resemble those of ImageNet: ", &rule);
    }

    #[test]
    fn many_images_that_are_alike_bear_more() {
        let said = said(Because::ManyImages, &evidence(0.5, &[0.6, 0.8, 0.85], 2000.0));
        let rule = ["the more images, the deeper to train"];
        assert_says(&said, "Your 1000 images per class resemble those of ImageNet: ", &rule);
    }

    #[test]
    fn related_images_are_neither() {
        let said = said(Because::Related, &evidence(0.5, &[0.6, 0.7, 0.65], 200.0));
        let rule = ["train all stages, at half the head's rate"];
        assert_says(&said, "Your 100 images per class are related to those of ImageNet, not alike: ", &rule);
    }

    #[test]
    fn rough_figures_are_said_to_be_rough() {
        let evidence = evidence(0.5, &[0.6, 0.8, 0.85], 200.0);
        let around =
            Circumstances { source: "ImageNet", names: &[], live: "conv2", images: 400, confidence: 0.6 };
        let unsure = paragraph(&decide(&evidence), &evidence, &around);
        assert!(unsure.ends_with("could well lead to another depth."), "{unsure}");
        let few = paragraph(&decide(&evidence), &evidence, &Circumstances { images: 49, ..around });
        assert!(few.ends_with("Only 49 images were looked at, so these figures are rough."), "{few}");
    }
}
