use backbone::{Mode, StageId};
use features::dataset::ImageSubset;
use features::loader::{FeatureLoader, Preparation, most_at_once};
use images::Transform;
use records::{Event, Session, SourceEvidence};
use run_config::Run;
use tch::{Device, Kind, TchError, Tensor};

use super::source_network::SourceNetwork;
use crate::Error;
use crate::recipe::Materials;

/// Most values of an image's pixels: they are averaged over the finest grid within it.
const VALUES: i64 = 512;

/// Outputs of all stages of a network for some images.
pub(super) struct StageFeatures {
    /// The pixels, then every stage that has parameters, from input to head.
    pub(super) stages: Vec<StageOutput>,
    /// Predictions of the source's own classifier, where it has one.
    pub(super) source: Option<SourceEvidence>,
}

/// Output of one stage.
pub(super) struct StageOutput {
    /// The stage; `None` for the pixels.
    pub(super) stage: Option<StageId>,
    /// `[N, D]`, float64, on the CPU.
    pub(super) values: Tensor,
}

/// Passes every image through the network once and collects the output of each stage.
///
/// Stages are pooled as each says ([`Stage::pool`](backbone::Stage)), pixels over a grid of about 512 / C cells. The output of
/// the last stage is the input of the head, or of the classifier where that is new.
///
/// # Errors
/// When an image can no longer be read, a libtorch call fails, or on interruption.
pub(super) fn extract(
    run: &Run,
    materials: &Materials,
    part: &ImageSubset,
    source: &SourceNetwork,
    session: &mut Session<'_>,
) -> Result<StageFeatures, Error> {
    let backbone = &source.backbone;
    let transform = Transform::evaluation(&materials.input)?;
    let how = Preparation::once(transform, most_at_once(run.device), run.workers, session.interrupt);
    let feed = FeatureLoader::new(backbone, StageId::INPUT, part, how, &mut |_| {})?;
    let taps: Vec<StageId> =
        backbone.ids().filter(|&id| id < backbone.first_new() && !backbone.roots(id).is_empty()).collect();
    let mut outputs: Vec<Vec<Tensor>> = (0..=taps.len()).map(|_| Vec::new()).collect();
    let mut confidence = SourceConfidence::default();
    let _no_gradient = tch::no_grad_guard();
    let (mut done, total) = (0, feed.len() as u64);
    for batch in feed.in_order(backbone, most_at_once(backbone.placement().0)) {
        if session.interrupted() {
            return Err(Error::Interrupted);
        }
        let batch = batch?;
        let known = StageId::INPUT..backbone.first_new();
        let (features, mut tapped) = backbone.forward_collect(&batch.x, known, &taps, Mode::Evaluate);
        if source.has_classifier {
            confidence.add(&backbone.classify(&features, backbone.first_new(), Mode::Evaluate).logits);
        }
        if let Some(last) = tapped.last_mut() {
            *last = features;
        }
        let pooled = taps.iter().zip(&tapped).map(|(tap, x)| backbone.stages()[tap.index()].pool.vectors(x));
        for (outputs, vectors) in outputs.iter_mut().zip([averaged(&batch.x)?].into_iter().chain(pooled)) {
            outputs.push(vectors.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?);
        }
        done += u64::try_from(batch.labels.size()[0]).unwrap_or(0);
        session.emit(&Event::Prepared { what: "features", done, total });
    }
    let stages = [None].into_iter().chain(taps.into_iter().map(Some)).zip(outputs);
    let stages =
        stages.map(|(stage, outputs)| Ok(StageOutput { stage, values: Tensor::f_cat(&outputs, 0)? }));
    Ok(StageFeatures {
        stages: stages.collect::<Result<_, Error>>()?,
        source: source.has_classifier.then(|| confidence.evidence()),
    })
}

/// Returns pixels, `[N, C, H, W]`, averaged over a grid: `[N, D]`.
fn averaged(pixels: &Tensor) -> Result<Tensor, TchError> {
    let size = pixels.size();
    let side = (VALUES as f64 / size[1] as f64).sqrt().floor() as i64;
    let side = side.clamp(1, size[2].min(size[3]).max(1));
    pixels.f_adaptive_avg_pool2d([side, side])?.f_flatten(1, -1)
}

/// Sums over images of the predictions of the source's classifier.
#[derive(Default)]
struct SourceConfidence {
    classes: i64,
    images: f64,
    confidence: f64,
    entropy: f64,
}

impl SourceConfidence {
    /// Adds a batch of logits, `[N, classes]`.
    fn add(&mut self, logits: &Tensor) {
        let log_probabilities = logits.to_kind(Kind::Double).log_softmax(-1, Kind::Double);
        let probabilities = log_probabilities.exp();
        self.classes = logits.size()[1];
        self.images += logits.size()[0] as f64;
        self.confidence += probabilities.amax([1i64].as_slice(), false).sum(Kind::Double).double_value(&[]);
        self.entropy -= (probabilities * log_probabilities).sum(Kind::Double).double_value(&[]);
    }

    fn evidence(&self) -> SourceEvidence {
        SourceEvidence {
            classes: u64::try_from(self.classes).unwrap_or(0),
            confidence: self.confidence / self.images,
            entropy: self.entropy / self.images / (self.classes.max(2) as f64).ln(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_averaged_over_the_finest_grid_that_fits() {
        let ones = |size: &[i64]| Tensor::ones(size, (Kind::Float, Device::Cpu));
        for (shape, values) in
            [(&[2, 3, 96, 96][..], 3 * 13 * 13), (&[2, 1, 28, 28], 22 * 22), (&[2, 3, 5, 5], 3 * 5 * 5)]
        {
            assert_eq!(averaged(&ones(shape)).unwrap().size(), [2, values], "{shape:?}");
        }
    }

    #[test]
    fn certainty_has_no_entropy_and_ignorance_all_of_it() {
        let mut sure = SourceConfidence::default();
        sure.add(&Tensor::from_slice(&[100.0f32, 0.0, 0.0, 0.0]).view([1, 4]));
        let sure = sure.evidence();
        assert!((sure.confidence - 1.0).abs() < 1e-9 && sure.entropy.abs() < 1e-9);
        let mut unsure = SourceConfidence::default();
        unsure.add(&Tensor::zeros([3, 4], (Kind::Float, Device::Cpu)));
        let unsure = unsure.evidence();
        assert!((unsure.confidence - 0.25).abs() < 1e-9 && (unsure.entropy - 1.0).abs() < 1e-9);
        assert_eq!(unsure.classes, 4);
    }
}
