//! What a grid's rows say of how training went: how far gradients reached, and what was learned by heart.

use records::{GridRow, MeanSd, RatioRecord};
use report::text::{counted, percent};

/// A sentence on gradients and one on the gap between training and other images, where the rows know of them.
pub(super) fn of(rows: &[GridRow]) -> Vec<String> {
    gradients(rows).into_iter().chain(gaps(rows)).collect()
}

/// Where the earliest stage got the shortest gradient, and where the longest, against the latest.
fn gradients(rows: &[GridRow]) -> Option<String> {
    let known = rows.iter().filter_map(|row| Some((row, row.gradient_ratio?)));
    let known: Vec<(&GridRow, RatioRecord)> = known.filter(|(_, ratio)| ratio.median.is_finite()).collect();
    let (least, most) = ends(&known, |(_, ratio)| ratio.median)?;
    let times = |(row, ratio): &(&GridRow, RatioRecord)| {
        let range = if ratio.low < ratio.high {
            format!(", {} to {} over the seeds", short(ratio.low), short(ratio.high))
        } else {
            String::new()
        };
        format!("{} times as long as that of the latest with {}{range}", short(ratio.median), name(row))
    };
    let first = format!("The gradient of the earliest trained stage was {}", times(least));
    Some(if known.len() == 1 {
        format!("{first}.")
    } else {
        let overlap = if least.1.high < most.1.low { "" } else { " (the ranges over the seeds overlap)" };
        format!("{first}, the shortest, and {}, the longest{overlap}.", times(most))
    })
}

/// Where training accuracy lay furthest above that on images that were not trained on, and where least.
fn gaps(rows: &[GridRow]) -> Option<String> {
    let gap = |row: &GridRow, train: MeanSd| train.mean - row.accuracy_mean;
    let known = rows.iter().filter_map(|row| Some((row, row.train_accuracy?)));
    let known: Vec<(&GridRow, MeanSd)> = known.filter(|&(row, train)| gap(row, train).is_finite()).collect();
    let (least, most) = ends(&known, |&(row, train)| gap(row, train))?;
    let said = |&(row, train): &(&GridRow, MeanSd)| {
        format!(
            "{:+.1} points with {} ({} against {})",
            100.0 * gap(row, train),
            name(row),
            percent(train.mean),
            percent(row.accuracy_mean)
        )
    };
    let first = "The gap between accuracy in training and on images not trained on was";
    Some(if known.len() == 1 {
        format!("{first} {}.", said(most))
    } else {
        format!("{first} widest at {} and narrowest at {}.", said(most), said(least))
    })
}

/// The first of the smallest and the last of the largest.
fn ends<T>(found: &[T], value: impl Fn(&T) -> f64) -> Option<(&T, &T)> {
    let least = found.iter().min_by(|a, b| value(a).total_cmp(&value(b)))?;
    let most = found.iter().max_by(|a, b| value(a).total_cmp(&value(b)))?;
    Some((least, most))
}

/// `“vgg19, plain” and 10 images per class`.
fn name(row: &GridRow) -> String {
    let variant = if row.variant.is_empty() { String::new() } else { format!(" ({})", row.variant) };
    let amount = row
        .images_per_class
        .map_or_else(String::new, |count| format!(" and {} per class", counted(u64::from(count), "image")));
    format!("“{}”{variant}{amount}", row.method)
}

/// Three digits at most.
fn short(ratio: f64) -> String {
    if ratio < 0.01 { format!("{ratio:.1e}") } else { format!("{ratio:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(method: &str, [low, median, high]: [f64; 3], train: f64, accuracy: f64) -> GridRow {
        GridRow {
            images_per_class: Some(10),
            method: method.to_owned(),
            accuracy_mean: accuracy,
            train_accuracy: Some(MeanSd { mean: train, ..MeanSd::default() }),
            gradient_ratio: Some(RatioRecord { low, median, high }),
            ..GridRow::default()
        }
    }

    #[test]
    fn the_ends_are_named_with_their_figures() {
        let rows = [
            row("plain", [0.001, 0.002, 0.004], 0.5, 0.45),
            row("shortcuts", [0.5, 0.75, 0.8], 1.0, 0.55),
            row("norm", [0.1, 0.2, 0.3], 0.9, 0.6),
        ];
        let said = of(&rows);
        assert_eq!(
            said,
            [
                "The gradient of the earliest trained stage was 2.0e-3 times as long as that of the latest with “plain” and 10 images per class, 1.0e-3 to 4.0e-3 over the seeds, the shortest, and 0.75 times as long as that of the latest with “shortcuts” and 10 images per class, 0.50 to 0.80 over the seeds, the longest.",
                "The gap between accuracy in training and on images not trained on was widest at +45.0 points with “shortcuts” and 10 images per class (100.0% against 55.0%) and narrowest at +5.0 points with “plain” and 10 images per class (50.0% against 45.0%).",
            ]
        );
        let close = [rows[0].clone(), row("other", [0.003, 0.004, 0.005], 0.5, 0.5)];
        assert!(of(&close)[0].ends_with("the longest (the ranges over the seeds overlap)."));
    }

    #[test]
    fn one_setting_is_not_compared_and_what_is_not_known_is_not_said() {
        let one = GridRow { images_per_class: Some(1), ..row("plain", [0.2; 3], 0.9, 0.5) };
        let said = of(&[one]);
        assert!(
            said[0].ends_with(
                "was 0.20 times as long as that of the latest with “plain” and 1 image per class."
            )
        );
        assert!(said[1].contains("was +40.0 points with “plain”"), "{said:?}");
        let unknown = GridRow {
            train_accuracy: Some(MeanSd { mean: f64::NAN, ..MeanSd::default() }),
            gradient_ratio: None,
            ..row("plain", [0.2; 3], 0.9, 0.5)
        };
        assert!(of(&[unknown]).is_empty() && of(&[]).is_empty());
    }
}
