//! One sentence on what a training step did.

use backbone::{Backbone, StageId};
use records::EpochRecord;
use training::average::Averaging;
use training::{Ending, Phase, PhaseEnd, TrainingState};

/// Returns what a phase trained, on which input, for how long, and how it ended.
pub(super) fn trained(
    phase: &Phase<'_>,
    backbone: &Backbone,
    state: &TrainingState,
    end: &PhaseEnd,
    kept_bytes: Option<u64>,
) -> String {
    if state.steps == 0 && end.ending == Ending::Interrupted {
        return "interrupted before it began".to_owned();
    }
    let first_live = phase.plan.first_live;
    let what = if first_live == backbone.head_id() {
        "the head".to_owned()
    } else {
        format!("everything from {} on", backbone.name(first_live))
    };
    let epochs: Vec<&EpochRecord> = state.epochs_of_phase().collect();
    let input = match kept_bytes {
        Some(bytes) if first_live > StageId::INPUT => {
            format!(
                " on features kept from one pass through the frozen stages ({} MiB)",
                bytes.div_ceil(1 << 20)
            )
        }
        Some(_) => String::new(),
        None => waited(&epochs),
    };
    let ending = match end.ending {
        Ending::Complete => "",
        Ending::StoppedEarly => "; stopped early",
        Ending::Interrupted => "; interrupted",
    };
    let kept = end.kept.as_ref().map(|kept| format!("; kept {}, {}", kept.place(), kept.because));
    let kept = kept.unwrap_or_default();
    let average = match (phase.averaging, end.averaged) {
        (Averaging::Exponential(decay), 1..) => {
            format!("; the model is the moving average of the weights, decay {decay}")
        }
        (Averaging::FromEpoch(from), count @ 1..) => {
            format!("; the model is the mean of the weights after {count} epoch(s), from epoch {from} on")
        }
        _ => String::new(),
    };
    let mixed = end.wise_ft.map(|share| {
        format!("; the model has {share} of these weights, the rest is of those that fine-tuning began with (WiSE-FT)")
    });
    let mixed = mixed.unwrap_or_default();
    let (count, steps) = (epochs.len(), state.steps);
    format!("trained {what} for {count} epoch(s), {steps} steps{input}{ending}{kept}{average}{mixed}")
}

/// Returns the share of these epochs spent waiting for the data loader.
fn waited(epochs: &[&EpochRecord]) -> String {
    if epochs.is_empty() {
        return String::new();
    }
    let sum = |of: fn(&EpochRecord) -> f64| epochs.iter().map(|epoch| of(epoch)).sum::<f64>();
    let (waited, all) = (sum(|epoch| epoch.waited_seconds), sum(|epoch| epoch.seconds));
    format!(", {:.1}% of the time waiting for images", 100.0 * waited / all.max(f64::MIN_POSITIVE))
}
