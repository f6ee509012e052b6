//! What a grid's figures say, in sentences. Whatever comes out is said, whichever method wins.

use report::record::{GridRow, MeanSd};

use crate::config::Method;

/// One paragraph per variant, on the judged group of classes or on all.
pub(super) fn of(rows: &[GridRow], judged_on: Option<&str>) -> Vec<String> {
    let mut variants: Vec<&str> = Vec::new();
    for row in rows {
        if !variants.contains(&row.variant.as_str()) {
            variants.push(&row.variant);
        }
    }
    variants.into_iter().flat_map(|variant| of_variant(rows, variant, judged_on)).collect()
}

fn of_variant(rows: &[GridRow], variant: &str, judged_on: Option<&str>) -> Vec<String> {
    let classes = judged_on.map_or_else(|| "all classes".to_owned(), |group| format!("the {group} classes"));
    let place = if variant.is_empty() { String::new() } else { format!(" ({variant})") };
    let mut amounts: Vec<Option<u32>> = Vec::new();
    for row in rows.iter().filter(|row| row.variant == variant) {
        if !amounts.contains(&row.images_per_class) {
            amounts.push(row.images_per_class);
        }
    }
    let figure = |amount: Option<u32>, method: Method| {
        rows.iter()
            .find(|row| {
                row.variant == variant && row.images_per_class == amount && row.method == method.name()
            })
            .and_then(|row| judged(row, judged_on))
    };
    let gains = |better: Method, worse: Method| -> Vec<(Option<u32>, f64)> {
        let gain = |&amount: &Option<u32>| {
            Some((amount, figure(amount, better)?.mean - figure(amount, worse)?.mean))
        };
        amounts.iter().filter_map(gain).collect()
    };
    let mut sentences = Vec::new();
    if let Some(sentence) = transfer(&gains(Method::FineTune, Method::Scratch)) {
        sentences.push(format!("On {classes}{place}, {sentence}"));
    }
    if let Some(sentence) = depth(&gains(Method::FineTune, Method::Head)) {
        sentences.push(format!("On {classes}{place}, {sentence}"));
    }
    sentences
}

/// Fine-tuned against scratch.
fn transfer(gains: &[(Option<u32>, f64)]) -> Option<String> {
    let most = gains.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let least = gains.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!(
        "fine-tuning the source weights beat training from scratch at {}: the gain was largest at {} ({} points) and smallest at {} ({}).",
        share(gains, 0.0),
        amount(most.0),
        points(most.1),
        amount(least.0),
        points(least.1),
    ))
}

/// Fine-tuned against the head alone.
fn depth(gains: &[(Option<u32>, f64)]) -> Option<String> {
    let (first, last) = (gains.first()?, gains.last()?);
    Some(format!(
        "training deeper than the head gained more than a point at {} ({} points at {}, {} at {}).",
        share(gains, 0.01),
        points(first.1),
        amount(first.0),
        points(last.1),
        amount(last.0)
    ))
}

fn share(gains: &[(Option<u32>, f64)], threshold: f64) -> String {
    let won = gains.iter().filter(|(_, gain)| *gain > threshold).count();
    format!("{won} of {} amounts of data", gains.len())
}

fn judged(row: &GridRow, judged_on: Option<&str>) -> Option<MeanSd> {
    match judged_on {
        Some(group) => row.groups.get(group).copied(),
        None => {
            Some(MeanSd { mean: row.accuracy_mean, sd: row.accuracy_sd, interval: row.accuracy_interval })
        }
    }
}

fn points(gain: f64) -> String {
    format!("{:+.1}", gain * 100.0)
}

fn amount(images_per_class: Option<u32>) -> String {
    match images_per_class {
        None => "all images".to_owned(),
        Some(1) => "1 image per class".to_owned(),
        Some(count) => format!("{count} images per class"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(amount: u32, method: Method, mean: f64) -> GridRow {
        GridRow {
            images_per_class: Some(amount),
            method: method.name().to_owned(),
            accuracy_mean: mean,
            seeds: 3,
            ..GridRow::default()
        }
    }

    #[test]
    fn says_what_the_figures_say_even_when_transfer_loses() {
        let rows = [
            row(1, Method::Scratch, 0.1),
            row(1, Method::Head, 0.4),
            row(1, Method::FineTune, 0.38),
            row(30, Method::Scratch, 0.9),
            row(30, Method::Head, 0.7),
            row(30, Method::FineTune, 0.8),
        ];
        let said = of(&rows, None).join(" ");
        for part in [
            "1 of 2 amounts of data: the gain was largest at 1 image per class (+28.0 points)",
            "smallest at 30 images per class (-10.0)",
            "more than a point at 1 of 2 amounts of data (-2.0 points at 1 image",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
