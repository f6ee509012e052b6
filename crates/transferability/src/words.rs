//! A verdict in words, for people.

use records::wording::percent;
use records::{FrozenArm, Similarity};

use crate::rule::{Because, Evidence, Verdict};

/// Context of a verdict.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Source of the weights: `ImageNet`, or their file.
    pub source: &'a str,
    /// Names of the stages with parameters, from input to head.
    pub names: &'a [String],
    /// Name of the first stage that would be trained.
    pub live: &'a str,
    /// The best end of the network where it is frozen, if that is not the last stage.
    pub end: Option<&'a FrozenArm>,
    /// Number of images measured.
    pub images: usize,
    /// Share of resampled sets of images that give the same depth and end, in `0..=1`.
    pub confidence: f64,
}

/// Fewer images than this make rough figures.
const SCANT: usize = 50;

/// Returns a verdict as a paragraph: the figures, the rule that applies, and what to do.
pub fn paragraph(verdict: &Verdict, evidence: &Evidence<'_>, context: &Context<'_>) -> String {
    let last = percent(evidence.stages.last().copied().unwrap_or(evidence.pixels));
    let pixels = percent(evidence.pixels);
    let opening = opening(verdict, evidence, context.source);
    let figures = format!(
        "a linear classifier on the head's input classifies {last} of them correctly, one on the pixels {pixels}"
    );
    let live = context.live;
    let rule = match verdict.because {
        Because::GoodEnough => "where the features separate the classes there is nothing to gain further back: freeze everything but the head".to_owned(),
        Because::EndsEarlier => format!(
            "earlier stages tell the classes apart better than the last one, and the images are few: {}, and compute a head by ridge regression, with no stage trained",
            context.end.map_or_else(String::new, end_in_words)
        ),
        Because::TooLarge => format!(
            "{}the last stages detect other things, and the images are too few to teach a network of this size what its weights do not know: freeze everything but the head, and expect more from more images, a smaller network or closer weights",
            if verdict.little_value() { "transfer is of little value here: " } else { "" }
        ),
        Because::LittleValue => format!(
            "transfer is of little value here, because {}: train all stages at the full learning rate, the weights being no more than a starting point, and expect more from more images or closer weights",
            if pixels_suffice(evidence) {
                "the probe on pixels makes no errors that a stage could remove".to_owned()
            } else {
                format!(
                    "the best stage removes only {} of the errors of the probe on pixels",
                    percent(verdict.value.max(0.0))
                )
            }
        ),
        Because::LateStagesLost(place) => format!(
            "the less the new images resemble the source's, the further back and the faster to train; the features after {} are better than those after the last stage, which detects other things: train all stages at the full learning rate",
            context.names.get(place).map_or("an earlier stage", String::as_str)
        ),
        Because::Related => "the less the new images resemble the source's, the further back and the faster to train: train all stages, at half the head's learning rate".to_owned(),
        Because::TooFew => format!(
            "a network that is trained far back on that few images would memorise them: freeze everything before {live} and train the rest at a low learning rate, after the head"
        ),
        Because::FewImages => format!(
            "the more the new images resemble the source's, and the fewer they are, the less to train: freeze everything before {live} and train the rest at a low learning rate, after the head"
        ),
        Because::ManyImages => "the more images, the further back to train, even where they resemble the source's: train all stages, after the head".to_owned(),
    };
    let scant = if context.images < SCANT {
        format!(" Only {} images were measured, so these figures are rough.", context.images)
    } else if context.confidence < 0.7 {
        " Other images of the same kind could lead to another depth.".to_owned()
    } else {
        String::new()
    };
    format!("{opening}: {figures}. The rule: {rule}.{scant}")
}

/// What to do to end the network as an arm does, and what that classifies correctly.
fn end_in_words(arm: &FrozenArm) -> String {
    let accuracy = percent(arm.accuracy);
    match &arm.stages[..] {
        [first, .., last] => {
            format!("let the head read {first} to {last}, by which {accuracy} are classified correctly")
        }
        stages => {
            format!("end the network after {}, by which {accuracy} are classified correctly", stages.concat())
        }
    }
}

/// How the new images relate to the source's, as far as the verdict depends on it.
fn opening(verdict: &Verdict, evidence: &Evidence<'_>, source: &str) -> String {
    let images = format!("Your {} images per class", count(evidence.images / evidence.classes));
    match (verdict.because, similarity(verdict, evidence)) {
        (Because::GoodEnough, _) => {
            format!("The features of {source} separate the classes of your images already")
        }
        (Because::TooFew, _) => {
            // The rule counts all images.
            let all = count(evidence.images);
            format!("Your {all} images are too few to show how much they resemble those of {source}")
        }
        (_, Some(Similarity::Alike)) => format!("{images} resemble those of {source}"),
        (_, Some(Similarity::Related)) => format!("{images} are related to those of {source}, but not alike"),
        (_, Some(Similarity::Unlike)) => format!("{images} are unlike those of {source}"),
        (_, None) => {
            format!("{images} are too easy to show how much they resemble those of {source}")
        }
    }
}

/// Returns the verdict's similarity, where the figures support it: not from few images, nor from a probe on pixels that makes
/// no errors, nor where the probe on the head's input makes as few as that on pixels.
pub fn similarity(verdict: &Verdict, evidence: &Evidence<'_>) -> Option<Similarity> {
    match verdict.because {
        Because::TooFew => None,
        Because::GoodEnough if verdict.similarity == Similarity::Unlike => None,
        _ if pixels_suffice(evidence) => None,
        _ => Some(verdict.similarity),
    }
}

/// Whether the probe on pixels makes no errors.
fn pixels_suffice(evidence: &Evidence<'_>) -> bool {
    evidence.pixels >= 1.0
}

/// A mean number of images, with one decimal where that is not zero and the number is below 20.
fn count(mean: f64) -> String {
    if (mean - mean.round()).abs() < 0.05 || mean >= 20.0 {
        format!("{mean:.0}")
    } else {
        format!("{mean:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::apply_rule;

    /// Two classes, a network of 60 thousand parameters.
    fn evidence(pixels: f64, stages: &[f64], images: f64) -> Evidence<'_> {
        Evidence { pixels, stages, images, classes: 2.0, parameters: 6e4, earlier: false }
    }

    fn context<'a>() -> Context<'a> {
        Context { source: "ImageNet", names: &[], live: "conv2", end: None, images: 400, confidence: 0.9 }
    }

    fn arm(stages: &[&str]) -> FrozenArm {
        FrozenArm {
            stages: stages.iter().map(|&stage| stage.to_owned()).collect(),
            features: 48,
            loss: 0.5,
            accuracy: 0.82,
            standard_error: 0.02,
            gain: 0.1,
            gain_error: 0.02,
            default: false,
            best: true,
        }
    }

    /// The paragraph on this evidence, which must fall under this line of the rule.
    #[track_caller]
    fn explain(because: Because, evidence: &Evidence<'_>) -> String {
        let verdict = apply_rule(evidence);
        assert_eq!(verdict.because, because);
        let names = ["conv1", "conv2", "fc1"].map(String::from);
        let end = arm(&["conv1", "conv2"]);
        let context = Context { live: "conv2", names: &names, end: Some(&end), ..context() };
        paragraph(&verdict, evidence, &context)
    }

    #[track_caller]
    fn assert_contains(text: &str, opening: &str, rule: &[&str]) {
        assert!(text.starts_with(opening), "{text}");
        for part in rule {
            assert!(text.contains(part), "{part:?}: {text}");
        }
        // Never both that they are unlike and that this is unknown.
        assert!(!(text.contains("unlike") && text.contains("to show how much")), "{text}");
        assert!(!text.contains("  ") && text.ends_with('.'), "{text}");
    }

    #[test]
    fn good_enough_does_not_mention_similarity() {
        for (pixels, stages) in [(0.6, [0.7, 0.9, 0.99]), (0.98, [0.97, 0.97, 0.98]), (1.0, [1.0, 1.0, 1.0])]
        {
            let text = explain(Because::GoodEnough, &evidence(pixels, &stages, 80.0));
            let rule = ["nothing to gain further back: freeze everything but the head"];
            assert_contains(&text, "The features of ImageNet separate the classes", &rule);
            assert!(!text.contains("unlike") && !text.contains("little value"), "{text}");
        }
    }

    #[test]
    fn too_large_names_what_would_help_and_whether_transfer_is_worth_it() {
        let large = |stages| Evidence { parameters: 3e6, ..evidence(0.4, stages, 300.0) };
        let text = explain(Because::TooLarge, &large(&[0.6, 0.8, 0.45]));
        assert_contains(
            &text,
            "Your 150 images per class are unlike those of ImageNet: ",
            &["a smaller network"],
        );
        assert!(!text.contains("little value"), "{text}");
        let related = explain(Because::TooLarge, &large(&[0.6, 0.8, 0.6]));
        assert_contains(
            &related,
            "Your 150 images per class are related to those of ImageNet, but not alike: ",
            &[],
        );
        let little = explain(Because::TooLarge, &large(&[0.45, 0.45, 0.41]));
        assert_contains(
            &little,
            "Your 150 images per class are unlike",
            &["transfer is of little value here: "],
        );
    }

    #[test]
    fn an_earlier_end_is_named_with_what_it_classifies() {
        let large = |stages| Evidence { parameters: 3e6, earlier: true, ..evidence(0.4, stages, 300.0) };
        let text = explain(Because::EndsEarlier, &large(&[0.6, 0.8, 0.45]));
        let opening = "Your 150 images per class are unlike those of ImageNet: ";
        assert_contains(&text, opening, &["let the head read conv1 to conv2, by which 82.0%"]);
        assert_eq!(end_in_words(&arm(&["conv2"])).split(',').next(), Some("end the network after conv2"));
        // A small network is trained, unless there are few images of each class and an earlier stage is worth something.
        let small = |images| Evidence { earlier: true, ..evidence(0.4, &[0.6, 0.8, 0.45], images) };
        assert_eq!(apply_rule(&small(100.0)).because, Because::EndsEarlier);
        assert_eq!(apply_rule(&small(101.0)).because, Because::LateStagesLost(1));
        let worthless = Evidence { earlier: true, ..evidence(0.6, &[0.62, 0.63, 0.61], 100.0) };
        assert_eq!(apply_rule(&worthless).because, Because::LittleValue);
        // Where images are alike it is so up to 50 of each class; where they are too few to show it nothing changes.
        let alike = |images| Evidence { earlier: true, ..evidence(0.5, &[0.6, 0.9, 0.85], images) };
        assert_eq!(
            [29.0, 30.0, 100.0, 101.0].map(|images| apply_rule(&alike(images)).because),
            [Because::FewImages, Because::EndsEarlier, Because::EndsEarlier, Because::FewImages]
        );
        let few = Evidence { earlier: true, ..evidence(0.5, &[0.6, 0.7, 0.65], 29.0) };
        assert_eq!(apply_rule(&few).because, Because::TooFew);
    }

    #[test]
    fn little_value_says_so() {
        let text = explain(Because::LittleValue, &evidence(0.6, &[0.62, 0.63, 0.61], 100.0));
        let rule =
            ["transfer is of little value here, because the best stage removes only 7.5% of the errors"];
        assert_contains(&text, "Your 50 images per class are unlike those of ImageNet: ", &rule);
    }

    #[test]
    fn perfect_pixels_are_no_evidence_of_unlike_images() {
        let evidence = evidence(1.0, &[0.9, 0.92, 0.9], 100.0);
        let text = explain(Because::LittleValue, &evidence);
        let rule = ["transfer is of little value here, because the probe on pixels makes no errors"];
        assert_contains(&text, "Your 50 images per class are too easy to show", &rule);
        assert!(!text.contains("unlike"), "{text}");
        assert_eq!(similarity(&apply_rule(&evidence), &evidence), None);
    }

    #[test]
    fn late_stages_lost_names_the_best_stage() {
        let text = explain(Because::LateStagesLost(1), &evidence(0.4, &[0.6, 0.8, 0.42], 50.0));
        let rule = ["the features after conv2 are better", "train all stages at the full learning rate"];
        assert_contains(&text, "Your 25 images per class are unlike those of ImageNet: ", &rule);
    }

    #[test]
    fn too_few_images_show_no_similarity() {
        let evidence = evidence(0.5, &[0.6, 0.7, 0.65], 29.0);
        let text = explain(Because::TooFew, &evidence);
        let rule = ["that few images would memorise them: freeze everything before conv2"];
        assert_contains(&text, "Your 29 images are too few to show how much they resemble", &rule);
        assert!(!apply_rule(&evidence).little_value());
        assert_eq!(similarity(&apply_rule(&evidence), &evidence), None);
    }

    #[test]
    fn few_images_that_are_alike_freeze_most_of_the_network() {
        let text = explain(Because::FewImages, &evidence(0.5, &[0.6, 0.8, 0.85], 200.0));
        let rule =
            ["classifies 85.0% of them correctly, one on the pixels 50.0%", "freeze everything before conv2"];
        assert_contains(&text, "Your 100 images per class resemble those of ImageNet: ", &rule);
    }

    #[test]
    fn many_images_that_are_alike_train_all_stages() {
        let text = explain(Because::ManyImages, &evidence(0.5, &[0.6, 0.8, 0.85], 2000.0));
        let rule = ["the more images, the further back to train"];
        assert_contains(&text, "Your 1000 images per class resemble those of ImageNet: ", &rule);
    }

    #[test]
    fn related_images_are_neither() {
        let text = explain(Because::Related, &evidence(0.5, &[0.6, 0.7, 0.65], 200.0));
        let rule = ["train all stages, at half the head's learning rate"];
        assert_contains(
            &text,
            "Your 100 images per class are related to those of ImageNet, but not alike: ",
            &rule,
        );
    }

    #[test]
    fn few_images_and_low_confidence_are_mentioned() {
        let evidence = evidence(0.5, &[0.6, 0.8, 0.85], 200.0);
        let context = Context { confidence: 0.6, ..context() };
        let unsure = paragraph(&apply_rule(&evidence), &evidence, &context);
        assert!(unsure.ends_with("could lead to another depth."), "{unsure}");
        let few = paragraph(&apply_rule(&evidence), &evidence, &Context { images: 49, ..context });
        assert!(few.ends_with("Only 49 images were measured, so these figures are rough."), "{few}");
    }
}
