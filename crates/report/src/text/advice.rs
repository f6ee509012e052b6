use records::wording::listed;
use records::{AdviceRecord, FrozenArm, Similarity, StageEvidence};

use super::{Side, aligned, visible};
use crate::numbers;

/// Limits of all advice.
pub(crate) const ADVICE_LIMITS: &str = "Limits: all figures are about frozen features; training changes these. docs/search.md says how the rule fared.";

/// First line where [`AdviceRecord::little_value`] holds.
pub(crate) const LITTLE_VALUE: &str = "Transfer is of little value here.";

/// Advice: the recommendation, the evidence as a table, the paragraph, the times. Ends with a line feed.
pub fn advice(record: &AdviceRecord) -> String {
    let mut out = visible(&format!(
        "{}: finetune.depth = {:?}{}, finetune.rate_scale = {}; {} from {}",
        record.name,
        record.depth,
        end(record),
        numbers::significant(record.rate_scale),
        record.arch,
        record.weights
    ));
    out.push('\n');
    if record.little_value {
        out.push_str(&format!("{LITTLE_VALUE}\n"));
    }
    out.push('\n');
    let right = Side::Right;
    let scored = has_scores(record);
    let scores: &[&str] = if scored { &["LogME", "H-score"] } else { &[] };
    let heading =
        [&["features after", "values", "probe", "± error", "loss"][..], scores, &["advice"][..]].concat();
    let heading: Vec<String> = heading.into_iter().map(String::from).collect();
    let stages = record.stages.iter().enumerate().map(|(index, stage)| row(index, stage, scored));
    let rows: Vec<Vec<String>> = [heading].into_iter().chain(stages).collect();
    let sides = [&[Side::Left][..], &vec![right; 4 + scores.len()][..], &[Side::Left][..]].concat();
    out.push_str(&aligned(&rows, &sides));
    let arms: Vec<&FrozenArm> = notable_arms(record).collect();
    if !arms.is_empty() {
        let heading = ["head on frozen", "values", "probe", "± error", "loss", "gain", "± error", "choice"];
        let rows = [heading.map(String::from).to_vec()].into_iter().chain(arms.into_iter().map(arm_row));
        out.push('\n');
        let sides = [Side::Left, right, right, right, right, right, right, Side::Left];
        out.push_str(&aligned(&rows.collect::<Vec<_>>(), &sides));
    }
    out.push_str(&format!("\n{}\n", visible(&record.paragraph)));
    out.push_str(&format!("{}\n", similarity(record)));
    for sentence in [best_arm(record), search_costs(record)].into_iter().flatten() {
        out.push_str(&format!("{}\n", visible(&sentence)));
    }
    out.push_str(&format!("{ADVICE_LIMITS}\n"));
    if !record.standing.is_empty() {
        out.push_str(&format!("{}\n", visible(&record.standing)));
    }
    let parts = record.parts.iter().map(|part| format!("{} {}", part.part, numbers::duration(part.seconds)));
    out.push_str(&format!("Time: {}.\n", parts.collect::<Vec<_>>().join(", ")));
    out
}

/// Where the network ends, as keys of a configuration: `, finetune.cut = "features.6"`; nothing where it is whole.
pub(crate) fn end(record: &AdviceRecord) -> String {
    let end = match (&record.cut, &record.taps[..]) {
        (Some(cut), _) => format!(", finetune.cut = {cut:?}"),
        (None, []) => String::new(),
        (None, taps) => format!(", finetune.taps = {taps:?}"),
    };
    let solver = record.head_solver.as_ref().map(|solver| format!(", finetune.head_solver = {solver:?}"));
    end + &solver.unwrap_or_default()
}

/// Whether LogME and the H-score were computed.
pub(crate) fn has_scores(record: &AdviceRecord) -> bool {
    record.stages.iter().any(|stage| stage.logme.is_some())
}

/// Arms that the table of stages does not show, and the best one.
pub(crate) fn notable_arms(record: &AdviceRecord) -> impl Iterator<Item = &FrozenArm> {
    record.arms.iter().filter(|arm| arm.stages.len() > 1 || arm.default || arm.best)
}

/// Stages of an arm: one by name, several as the first and the last of them.
pub(crate) fn arm_name(arm: &FrozenArm) -> String {
    match &arm.stages[..] {
        [first, .., last] => format!("{first} to {last}"),
        stages => stages.concat(),
    }
}

/// What an arm is among the others.
pub(crate) fn arm_standing(arm: &FrozenArm) -> &'static str {
    match (arm.default, arm.best) {
        (true, true) => "default, best",
        (true, false) => "default",
        (false, true) => "best",
        (false, false) => "",
    }
}

/// Loss to three decimals.
pub(crate) fn loss(value: f64) -> String {
    if value.is_finite() { format!("{value:.3}") } else { numbers::significant(value) }
}

fn arm_row(arm: &FrozenArm) -> Vec<String> {
    vec![
        arm_name(arm),
        numbers::count(arm.features),
        numbers::percent(arm.accuracy),
        numbers::percent(arm.standard_error),
        loss(arm.loss),
        loss(arm.gain),
        loss(arm.gain_error),
        arm_standing(arm).to_owned(),
    ]
}

/// The best linear classifier on frozen stages, in a sentence; `None` in older records.
pub(crate) fn best_arm(record: &AdviceRecord) -> Option<String> {
    let best = record.arms.iter().find(|arm| arm.best)?;
    let names: Vec<&str> = best.stages.iter().map(String::as_str).collect();
    let joined = if names.len() > 1 { " joined" } else { "" };
    let why = match best.default {
        true => "no other set of stages is better by more than one standard error".to_owned(),
        false => format!(
            "its loss is {} ± {} below that of the default, the last stages joined",
            loss(best.gain),
            loss(best.gain_error)
        ),
    };
    Some(format!(
        "Without training a stage: a linear classifier on {}{joined} classifies {} ± {} of the images correctly that it was not fitted on, with a loss of {}; {why}.",
        listed(&names),
        numbers::percent(best.accuracy),
        numbers::percent(best.standard_error),
        loss(best.loss)
    ))
}

/// Costs of trying depths, in a sentence; `None` in older records.
pub(crate) fn search_costs(record: &AdviceRecord) -> Option<String> {
    let in_words = |depth: &str| match depth {
        "frozen" => "linear classifiers on frozen stages".to_owned(),
        depth => format!("{depth:?}"),
    };
    let costs = record.costs.iter().map(|cost| format!("{} {:.2}", in_words(&cost.depth), cost.final_runs));
    let costs: Vec<String> = costs.collect();
    (!costs.is_empty()).then(|| {
        format!(
            "Cost of trying instead of asking, as a multiple of one run of \"all\", by multiply-adds: {}. A search (finetune search) trains each on folds of the training images, drops early what cannot win, and ends at search.budget, 3 such runs by default.",
            costs.join(", ")
        )
    })
}

fn row(index: usize, stage: &StageEvidence, scored: bool) -> Vec<String> {
    let advice = match stage.rate_scale {
        Some(scale) => format!("train × {}", numbers::significant(scale)),
        None if index == 0 => "–".to_owned(),
        None => "freeze".to_owned(),
    };
    let mut row = vec![
        stage.name.clone(),
        numbers::count(stage.features),
        numbers::percent(stage.accuracy),
        numbers::percent(stage.standard_error),
        loss(stage.loss),
    ];
    if scored {
        row.extend([stage.logme, stage.h_score].map(|score| loss(score.unwrap_or(f64::NAN))));
    }
    row.push(advice);
    row
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
