use records::{AdviceRecord, Similarity, StageEvidence};

use super::{Side, aligned, visible};
use crate::numbers;

/// Limits of all advice.
pub(crate) const ADVICE_LIMITS: &str = "Limits: all figures are about frozen features; training changes these. docs/advise.md has the measured reliability of the rule and the scores.";

/// First line where [`AdviceRecord::little_value`] holds.
pub(crate) const LITTLE_VALUE: &str = "Transfer is of little value here.";

/// Advice: the recommendation, the evidence as a table, the paragraph, the times. Ends with a line feed.
pub fn advice(record: &AdviceRecord) -> String {
    let mut out = visible(&format!(
        "{}: finetune.depth = {:?}, finetune.rate_scale = {} (confidence {}); {} from {}",
        record.name,
        record.depth,
        numbers::significant(record.rate_scale),
        numbers::percent(record.confidence),
        record.arch,
        record.weights
    ));
    out.push('\n');
    if record.little_value {
        out.push_str(&format!("{LITTLE_VALUE}\n"));
    }
    out.push('\n');
    let heading = ["features after", "values", "probe", "± error", "LogME", "H-score", "advice"];
    let rows: Vec<Vec<String>> = [heading.map(String::from).to_vec()]
        .into_iter()
        .chain(record.stages.iter().enumerate().map(|(index, stage)| row(index, stage)))
        .collect();
    let right = Side::Right;
    out.push_str(&aligned(&rows, &[Side::Left, right, right, right, right, right, Side::Left]));
    out.push_str(&format!("\n{}\n", visible(&record.paragraph)));
    out.push_str(&format!("{}\n", similarity(record)));
    out.push_str(&format!("{ADVICE_LIMITS}\n"));
    if !record.standing.is_empty() {
        out.push_str(&format!("{}\n", visible(&record.standing)));
    }
    let parts = record.parts.iter().map(|part| format!("{} {}", part.part, numbers::duration(part.seconds)));
    out.push_str(&format!("Time: {}.\n", parts.collect::<Vec<_>>().join(", ")));
    out
}

fn row(index: usize, stage: &StageEvidence) -> Vec<String> {
    let advice = match stage.rate_scale {
        Some(scale) => format!("train × {}", numbers::significant(scale)),
        None if index == 0 => "–".to_owned(),
        None => "freeze".to_owned(),
    };
    vec![
        stage.name.clone(),
        numbers::count(stage.features),
        numbers::percent(stage.accuracy),
        numbers::percent(stage.standard_error),
        format!("{:.3}", stage.logme),
        format!("{:.3}", stage.h_score),
        advice,
    ]
}

/// Similarity of the new images to the source's, in a sentence.
pub(crate) fn similarity(record: &AdviceRecord) -> String {
    let kind = match record.similarity {
        Some(Similarity::Alike) => "alike",
        Some(Similarity::Related) => "related",
        Some(Similarity::Unlike) => "unlike",
        None => "unclear from these figures",
    };
    let source = match &record.source {
        Some(source) => format!(
            "the source’s own classifier gives the new images a probability of {} for the most probable of {} classes on average, with {} of the maximum entropy",
            numbers::percent(source.confidence),
            numbers::count(source.classes),
            numbers::percent(source.entropy)
        ),
        None => "these weights have no classifier of their own".to_owned(),
    };
    format!(
        "Similarity to the source: {kind}. From the first stages to the last the probe gains {} points; the best stage removes {} of the errors of a probe on pixels; {source}.",
        numbers::significant((1000.0 * record.drop).round() / 10.0),
        numbers::percent(record.value)
    )
}
