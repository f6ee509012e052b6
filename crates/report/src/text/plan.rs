use records::{PhasePlanRecord, RangePoint, RangeRecord, StagePlanRecord};

use super::{Side, aligned, visible};
use crate::numbers;
use crate::phrases::depth_in_words;

/// Largest number of epochs shown as columns.
const COLUMNS: usize = 8;

/// Plan of a phase: stages down, their learning rates at the beginnings of epochs across. Adjacent stages that stay frozen
/// share a line. Ends with a line feed.
pub fn phase_plan(plan: &PhasePlanRecord) -> String {
    let steps = numbers::counted(plan.steps_per_epoch, "step");
    let epochs = numbers::counted(plan.epochs.into(), "epoch");
    let by = if plan.epochs_by.is_empty() { "" } else { "; epochs by " };
    let head = format!("{}: {epochs} of {steps}, {}{by}{}", plan.phase, plan.policy, plan.epochs_by);
    let mut out = visible(&head);
    out.push('\n');
    let shown = epochs_shown(plan);
    let mut heading = ["stage", "parameters", "state"].map(String::from).to_vec();
    heading.extend(shown.iter().map(|epoch| format!("epoch {epoch}")));
    let mut rows = vec![heading];
    for group in plan.stages.chunk_by(|a, b| a.thaws.is_none() && b.thaws.is_none()) {
        rows.push(row(plan, group, &shown));
    }
    out.push_str(&aligned(&rows, &[Side::Left, Side::Right, Side::Left, Side::Right]));
    out
}

fn row(plan: &PhasePlanRecord, group: &[StagePlanRecord], shown: &[u32]) -> Vec<String> {
    let (first, last) = (&group[0], &group[group.len() - 1]);
    let name =
        if group.len() == 1 { first.name.clone() } else { format!("{} … {}", first.name, last.name) };
    let parameters: u64 = group.iter().fold(0, |sum, stage| sum.saturating_add(stage.parameters));
    let state = match first.thaws {
        None => "frozen".to_owned(),
        Some(1) => "live".to_owned(),
        Some(epoch) => format!("thaws in epoch {epoch}"),
    };
    let rate = |&epoch: &u32| {
        let rate = usize::try_from(epoch).ok().and_then(|epoch| plan.epoch_rates.get(epoch.checked_sub(1)?));
        match (first.thaws, rate) {
            (Some(thaws), Some(rate)) if thaws <= epoch && first.parameters > 0 => {
                numbers::significant(rate * first.rate_scale)
            }
            _ => "–".to_owned(),
        }
    };
    [name, numbers::count(parameters), state].into_iter().chain(shown.iter().map(rate)).collect()
}

/// All epochs where they are few, else some of them, with those in which stages thaw.
fn epochs_shown(plan: &PhasePlanRecord) -> Vec<u32> {
    let listed = u32::try_from(plan.epoch_rates.len()).unwrap_or(u32::MAX).min(plan.epochs);
    if listed as usize <= COLUMNS {
        return (1..=listed).collect();
    }
    let spread = (0..6u64).map(|place| 1 + (u64::from(listed - 1) * place / 5) as u32);
    let thaws = plan.stages.iter().filter_map(|stage| stage.thaws).filter(|&epoch| epoch <= listed);
    let mut shown: Vec<u32> = spread.chain(thaws.take(COLUMNS)).collect();
    shown.sort_unstable();
    shown.dedup();
    shown
}

/// A range test: its curve in one line, some of its steps, and the suggestion. Ends with a line feed.
pub fn range_test(range: &RangeRecord) -> String {
    let mut out = visible(&format!(
        "{}: learning-rate range test of {}, {}; {}",
        range.name,
        range.arch,
        depth_in_words(&range.depth),
        range.policy
    ));
    out.push_str("\n\n");
    let smoothed: Vec<f64> = range.points.iter().map(|point| point.smoothed).collect();
    out.push_str(&format!("  {}\n\n", sparkline(&smoothed)));
    let heading = ["rate", "loss", "smoothed"].map(String::from).to_vec();
    let every = range.points.len().div_ceil(12).max(1);
    let line = |point: &RangePoint| {
        vec![numbers::significant(point.rate), numbers::loss(point.loss), numbers::loss(point.smoothed)]
    };
    let rows: Vec<_> = [heading].into_iter().chain(range.points.iter().step_by(every).map(line)).collect();
    out.push_str(&aligned(&rows, &[Side::Right]));
    out.push('\n');
    out.push_str(&range_verdict(range));
    out.push('\n');
    out
}

/// The suggestion of a range test, and its rule.
pub(crate) fn range_verdict(range: &RangeRecord) -> String {
    match (range.suggested, range.steepest, range.tenth_of_lowest) {
        (Some(rate), Some(steepest), Some(tenth)) => format!(
            "Suggested: train.learning_rate = {} (the configuration has {}). It is the smaller of two: the loss falls fastest at {}, and a tenth of the rate of its minimum is {}.",
            numbers::significant(rate),
            numbers::significant(range.configured),
            numbers::significant(steepest),
            numbers::significant(tenth)
        ),
        _ => "The loss fell at no rate, so none is suggested: try more steps, or a larger batch.".to_owned(),
    }
}

/// Values as a line of blocks, the lowest one eighth high; values that are not finite are left out.
fn sparkline(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let every = values.len().div_ceil(72).max(1);
    // `as` saturates, and 0 / 0 becomes 0.
    finite()
        .step_by(every)
        .map(|v| BLOCKS[(((v - low) / (high - low) * 7.0).round() as usize).min(7)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_neighbours_share_a_line_and_rates_begin_with_the_thaw() {
        let stage = |name: &str, parameters, rate_scale, thaws| StagePlanRecord {
            name: name.into(),
            parameters,
            rate_scale,
            thaws,
        };
        let plan = PhasePlanRecord {
            phase: "fine-tune".into(),
            policy: "sgd, constant".into(),
            epochs: 3,
            epochs_by: "train.epochs".into(),
            steps_per_epoch: 4,
            stages: vec![
                stage("stem", 1_000, 0.0, None),
                stage("layer1", 500, 0.0, None),
                stage("layer2", 20, 0.1, Some(2)),
                stage("pool", 0, 0.1, Some(1)),
                stage("head", 7, 1.0, Some(1)),
            ],
            rates: vec![],
            epoch_rates: vec![0.01, 0.01, 0.002],
        };
        let expected = "\
fine-tune: 3 epochs of 4 steps, sgd, constant; epochs by train.epochs
  stage          parameters  state             epoch 1  epoch 2  epoch 3
  stem … layer1       1,500  frozen                  –        –        –
  layer2                 20  thaws in epoch 2        –    0.001   0.0002
  pool                    0  live                    –        –        –
  head                    7  live                 0.01     0.01    0.002
";
        assert_eq!(phase_plan(&plan), expected);
    }

    #[test]
    fn a_sparkline_survives_anything() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0]), "▁▅█");
        assert_eq!(sparkline(&[f64::NAN, 2.0, f64::INFINITY, 2.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        assert!(sparkline(&vec![1.0; 1000]).chars().count() <= 72);
    }
}
