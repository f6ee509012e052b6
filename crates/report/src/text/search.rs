use records::{ArmRecord, SearchRecord};

use super::{Side, aligned, visible};
use crate::numbers;

/// Limits of all searches.
pub(crate) const SEARCH_LIMITS: &str = "Limits: no validation or test image was seen; what differs less than the images can show is decided by cost. docs/search.md says how searches fared.";

/// A search: the choice, the standing of all arms, how sure it is, how it ended. Ends with a line feed.
pub fn search(record: &SearchRecord) -> String {
    let mut out =
        visible(&format!("{}: {}; {} from {}", record.name, record.chosen, record.arch, record.weights));
    out.push_str("\n\n");
    out.push_str(&search_table(record, None));
    out.push_str(&format!("\n{}.\n", visible(&record.statement)));
    if let Some(accuracy) = accuracy(record) {
        out.push_str(&format!("{accuracy}\n"));
    }
    if let Some(deep) = &record.deep {
        out.push_str(&format!("Arms that train most of the network were {}.\n", visible(deep)));
    }
    out.push_str(&format!("{}\n{SEARCH_LIMITS}\n", ended(record)));
    out
}

/// Accuracy of what the choice gives, on images that it was not chosen on, in a sentence or two. It can only be that of a choice
/// among the arms that every fold measured.
pub(crate) fn accuracy(record: &SearchRecord) -> Option<String> {
    let (accuracy, interval) = (numbers::percent(record.accuracy?), record.accuracy_interval?);
    let about = format!(
        "about {accuracy} (95% interval: {}%), corrected for the choice",
        numbers::percent_interval(interval)
    );
    let chosen = record.arms.iter().find(|arm| arm.name == record.chosen);
    let (folds, all) = (chosen.map_or(0, |arm| arm.folds.len()), record.folds as usize);
    Some(match chosen.is_some() && folds < all {
        true => format!(
            "It was measured on {folds} of {all} folds. A choice among the arms of all folds has an accuracy of {about}."
        ),
        false => format!("Its accuracy is {about}."),
    })
}

/// The standing of all arms as a table: an asterisk marks the one that would be taken. With a limit those furthest ahead are
/// shown, from free to dear, so that the table has at most as many lines, and the others are counted. Ends with a
/// line feed.
pub fn search_table(record: &SearchRecord, limit: Option<usize>) -> String {
    let heading =
        ["arm", "folds", "accuracy", "loss", "gain", "close", "behind", "state"].map(String::from).to_vec();
    let arms = furthest_ahead(record, limit.map(|lines| lines.saturating_sub(1)));
    let rows: Vec<Vec<String>> =
        [heading].into_iter().chain(arms.iter().map(|arm| row(record, arm))).collect();
    let right = Side::Right;
    let mut table = aligned(&rows, &[Side::Left, right, right, right, right, right, right, Side::Left]);
    match record.arms.len() - arms.len() {
        0 => {}
        others => table.push_str(&format!("and {others} more\n")),
    }
    table
}

/// Returns the arms in their order; where there are more than the lines that are left for them, the chosen one and those
/// with the greatest gain, one line being kept for the number of the others.
fn furthest_ahead(record: &SearchRecord, lines: Option<usize>) -> Vec<&ArmRecord> {
    let lines = lines.unwrap_or(usize::MAX);
    if record.arms.len() <= lines {
        return record.arms.iter().collect();
    }
    let mut order: Vec<usize> = (0..record.arms.len()).collect();
    let ahead = |&place: &usize| {
        let arm = &record.arms[place];
        if arm.name == record.chosen { f64::INFINITY } else { arm.gain.unwrap_or(f64::NEG_INFINITY) }
    };
    order.sort_by(|one, other| ahead(other).total_cmp(&ahead(one)));
    order.truncate(lines.saturating_sub(1).max(1));
    order.sort_unstable();
    order.into_iter().map(|place| &record.arms[place]).collect()
}

fn row(record: &SearchRecord, arm: &ArmRecord) -> Vec<String> {
    let dash = || "–".to_owned();
    let mark = if arm.name == record.chosen { "* " } else { "" };
    vec![
        format!("{mark}{}", visible(&arm.name)),
        format!("{}/{}", arm.folds.len(), record.folds),
        arm.accuracy.map_or_else(dash, numbers::percent),
        arm.loss.map_or_else(dash, numbers::loss),
        gain(arm).unwrap_or_else(dash),
        arm.close.map_or_else(dash, |close| format!("{:.0}%", 100.0 * close)),
        behind(record, arm).unwrap_or_else(dash),
        arm.state.clone(),
    ]
}

/// Gain of an arm with its standard error, `+1.2 ± 0.8`.
pub(crate) fn gain(arm: &ArmRecord) -> Option<String> {
    Some(format!("{:+.1} ± {:.1}", arm.gain?, arm.gain_error?))
}

/// How far the arm in front lies ahead of one, with the standard error, `1.2 ± 0.8`: in percent of the first arm's loss, or in
/// points.
pub(crate) fn behind(record: &SearchRecord, arm: &ArmRecord) -> Option<String> {
    let scale = if record.decided_by == "loss" { 100.0 } else { 1.0 };
    Some(format!("{:.1} ± {:.1}", scale * arm.behind?, scale * arm.behind_error?))
}

/// What [`behind`] is counted in.
pub(crate) fn behind_what(record: &SearchRecord) -> &'static str {
    if record.decided_by == "loss" {
        "expected loss, in percent of the first arm’s"
    } else {
        "expected accuracy, in points"
    }
}

/// How the search ended and what it cost, in a sentence.
pub(crate) fn ended(record: &SearchRecord) -> String {
    let why = match record.ended.as_str() {
        "settled" => "the arm in front is expected to be as good as any",
        "budget" => "what is left to try would exceed the budget",
        "complete" => "every arm was measured on all folds, or dropped",
        _ => "it was interrupted",
    };
    let limit = match (record.budget, record.minutes) {
        (_, Some(minutes)) => format!(" (at most {} min)", numbers::significant(minutes)),
        (Some(budget), None) => format!(" of {}", numbers::significant(budget)),
        (None, None) => String::new(),
    };
    format!(
        "The search took {} and {:.2}{limit} final runs that train everything; it ended because {why}.",
        numbers::duration(record.seconds),
        record.spent
    )
}
