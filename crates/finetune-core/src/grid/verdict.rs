//! What a grid's figures say, in sentences. Whatever comes out is said, whichever method wins.

use records::{CellRecord, GridRow, Interval};
use run_config::Method;

use super::bootstrap;

/// One paragraph per variant, on the judged group of classes or on all.
pub(super) fn of(rows: &[GridRow], cells: &[CellRecord], judged_on: Option<&str>) -> Vec<String> {
    let mut variants: Vec<&str> = Vec::new();
    for row in rows {
        if !variants.contains(&row.variant.as_str()) {
            variants.push(&row.variant);
        }
    }
    variants.into_iter().flat_map(|variant| of_variant(rows, cells, variant, judged_on)).collect()
}

/// By how much one method is better than another with some amount of data.
struct Gain {
    amount: Option<u32>,
    mean: f64,
    interval: Option<Interval>,
}

fn of_variant(rows: &[GridRow], cells: &[CellRecord], variant: &str, judged_on: Option<&str>) -> Vec<String> {
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
    let runs = |amount: Option<u32>, method: Method| {
        let here = move |cell: &&CellRecord| cell.variant == variant && cell.images_per_class == amount;
        cells.iter().filter(here).filter(move |cell| cell.method == method.name())
    };
    let gains = |better: Method, worse: Method| -> Vec<Gain> {
        let gain = |&amount: &Option<u32>| {
            let mean = figure(amount, better)? - figure(amount, worse)?;
            let pairs: Vec<(&str, &str)> = runs(amount, better)
                .filter_map(|cell| {
                    let same = runs(amount, worse).find(|other| other.seed == cell.seed)?;
                    Some((super::answers(cell, judged_on), super::answers(same, judged_on)))
                })
                .collect();
            Some(Gain { amount, mean, interval: bootstrap::difference(&pairs) })
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
fn transfer(gains: &[Gain]) -> Option<String> {
    let most = gains.iter().max_by(|a, b| a.mean.total_cmp(&b.mean))?;
    let least = gains.iter().min_by(|a, b| a.mean.total_cmp(&b.mean))?;
    Some(format!(
        "fine-tuning the source weights {}: the gain was largest at {} ({}) and smallest at {} ({}).",
        beyond_chance(gains, "training from scratch", ("higher", 0.0)),
        amount(most.amount),
        most.in_points(),
        amount(least.amount),
        least.in_points(),
    ))
}

/// Fine-tuned against the head alone.
fn depth(gains: &[Gain]) -> Option<String> {
    let (first, last) = (gains.first()?, gains.last()?);
    Some(format!(
        "training deeper than the head {}: the gain was {} at {} and {} at {}.",
        beyond_chance(gains, "the head alone", ("more than a point higher", 0.01)),
        first.in_points(),
        amount(first.amount),
        last.in_points(),
        amount(last.amount)
    ))
}

/// At how many amounts of data the interval of the gain leaves out zero, and at how many the mean lies this much above it.
fn beyond_chance(gains: &[Gain], other: &str, (higher, threshold): (&str, f64)) -> String {
    let count = |holds: &dyn Fn(&Gain) -> bool| gains.iter().filter(|gain| holds(gain)).count();
    let means = count(&|gain| gain.mean > threshold);
    let amounts = numbered(gains.len());
    if count(&|gain| gain.interval.is_some()) == 0 {
        return format!(
            "had a mean {higher} than {other} at {means} of {amounts}, with no intervals to tell whether by chance"
        );
    }
    let won = count(&|gain| gain.interval.is_some_and(|interval| interval.low > 0.0));
    let lost = match count(&|gain| gain.interval.is_some_and(|interval| interval.high < 0.0)) {
        0 => String::new(),
        lost => format!("; it did worse beyond chance at {lost}"),
    };
    format!(
        "beat {other} beyond chance at {won} of {amounts} (a 95 % interval above zero; the mean is {higher} at {means}{lost})"
    )
}

fn numbered(amounts: usize) -> String {
    if amounts == 1 { "1 amount of data".to_owned() } else { format!("{amounts} amounts of data") }
}

fn judged(row: &GridRow, judged_on: Option<&str>) -> Option<f64> {
    match judged_on {
        Some(group) => row.groups.get(group).map(|seen| seen.mean),
        None => Some(row.accuracy_mean),
    }
    // Where every run diverged there is none.
    .filter(|mean| mean.is_finite())
}

impl Gain {
    /// `+6.2 points, 95 % interval +1.0 to +11.3`.
    fn in_points(&self) -> String {
        let points = |gain: f64| format!("{:+.1}", gain * 100.0);
        let interval = self.interval.map_or_else(String::new, |interval| {
            format!(", 95 % interval {} to {}", points(interval.low), points(interval.high))
        });
        format!("{} points{interval}", points(self.mean))
    }
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
        let said = of(&rows, &[], None).join(" ");
        for part in [
            "a mean higher than training from scratch at 1 of 2 amounts of data, with no intervals to tell whether by chance",
            "the gain was largest at 1 image per class (+28.0 points)",
            "smallest at 30 images per class (-10.0 points)",
            "a mean more than a point higher than the head alone at 1 of 2 amounts of data, with no intervals",
            "the gain was -2.0 points at 1 image per class and +10.0 points at 30 images",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn a_win_is_an_interval_above_zero_and_a_loss_one_below() {
        let gain = |amount, mean, low, high| Gain {
            amount: Some(amount),
            mean,
            interval: Some(Interval { low, high }),
        };
        let gains = [gain(1, 0.2, 0.1, 0.3), gain(5, 0.005, -0.01, 0.02), gain(9, -0.2, -0.3, -0.1)];
        let said = beyond_chance(&gains, "scratch", ("higher", 0.0));
        let counted = "beat scratch beyond chance at 1 of 3 amounts of data (a 95 % interval above zero; the mean is higher at 2; it did worse beyond chance at 1)";
        assert_eq!(said, counted);
        let said = beyond_chance(&gains, "the head", ("more than a point higher", 0.01));
        assert!(said.contains("the mean is more than a point higher at 1;"), "{said}");
    }

    #[test]
    fn a_gain_has_an_interval_over_pairs_of_runs() {
        let rows = [row(5, Method::Scratch, 0.5), row(5, Method::FineTune, 0.75)];
        let cell = |method: Method, seed: u64, answers: &str| CellRecord {
            images_per_class: Some(5),
            method: method.name().to_owned(),
            seed,
            answers: answers.to_owned(),
            ..CellRecord::default()
        };
        let cells = [
            cell(Method::Scratch, 0, "0011"),
            cell(Method::FineTune, 0, "0111"),
            cell(Method::Scratch, 1, "0011"),
            cell(Method::FineTune, 1, "0111"),
        ];
        // One image of four is gained: none of four drawn in a third of the draws, and up to three but rarely.
        let said = of(&rows, &cells, None).join(" ");
        assert!(said.contains("(+25.0 points, 95 % interval +0.0 to +75.0)"), "{said}");
        // So the mean is higher, and it may be chance.
        let counted = "beat training from scratch beyond chance at 0 of 1 amount of data (a 95 % interval above zero; the mean is higher at 1):";
        assert!(said.contains(counted), "{said}");
    }
}
