//! Which settings did better than a baseline, seed by seed.

use records::CellRecord;

use super::figure;

/// One sentence per setting and amount of data, best first, and what to make of them.
///
/// Runs of the same seed see the same images in the same order, so that the difference of each pair says more than the
/// difference of the means. Its mean has a 95 % interval by Student's t ("Student", "The Probable Error of a Mean", 1908).
pub(super) fn of(cells: &[CellRecord], baseline: &str, judged_on: Option<&str>) -> Vec<String> {
    let mut found: Vec<(String, Difference)> = Vec::new();
    let mut seen: Vec<(&str, Option<u32>, &str)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.method != baseline) {
        let place = (cell.variant.as_str(), cell.images_per_class, cell.method.as_str());
        if seen.contains(&place) {
            continue;
        }
        seen.push(place);
        let of = |method: &str, seed: u64| {
            let same = |other: &&CellRecord| {
                (other.variant.as_str(), other.images_per_class, other.method.as_str(), other.seed)
                    == (place.0, place.1, method, seed)
            };
            cells.iter().find(same).map(|cell| figure(cell, judged_on))
        };
        let pairs = cells
            .iter()
            .filter(|other| (other.variant.as_str(), other.images_per_class, other.method.as_str()) == place);
        let differences: Vec<f64> =
            pairs.filter_map(|pair| Some(figure(pair, judged_on) - of(baseline, pair.seed)?)).collect();
        if let Some(difference) = Difference::of(&differences) {
            found.push((name(place), difference));
        }
    }
    found.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    let mut sentences: Vec<String> =
        found.iter().map(|(name, difference)| difference.sentence(name, baseline)).collect();
    if found.len() > 1 && found.iter().any(|(_, difference)| difference.spread.is_some()) {
        sentences.push(format!(
            "Each interval stands for itself: of {} comparisons, one in twenty would leave out zero by chance.",
            found.len()
        ));
    }
    sentences
}

fn name((variant, amount, method): (&str, Option<u32>, &str)) -> String {
    let variant = if variant.is_empty() { String::new() } else { format!(" ({variant})") };
    let amount = amount.map_or_else(String::new, |count| format!(" with {count} images per class"));
    format!("{method}{variant}{amount}")
}

/// A mean of paired differences of accuracy.
struct Difference {
    mean: f64,
    /// Half the 95 % interval; none from a single pair.
    spread: Option<f64>,
    pairs: usize,
}

impl Difference {
    /// Of the pairs that were measured.
    fn of(differences: &[f64]) -> Option<Self> {
        let differences: Vec<f64> = differences.iter().copied().filter(|value| value.is_finite()).collect();
        let pairs = differences.len();
        let count = pairs as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let squares: f64 = differences.iter().map(|value| (value - mean).powi(2)).sum();
        let spread = (pairs > 1).then(|| (squares / (count - 1.0) / count).sqrt() * quantile(pairs - 1));
        (pairs > 0).then_some(Self { mean, spread, pairs })
    }

    fn sentence(&self, name: &str, baseline: &str) -> String {
        let points = |value: f64| format!("{:+.1}", value * 100.0);
        let mean = points(self.mean);
        let Some(spread) = self.spread else {
            return format!("{name}: {mean} points against {baseline} with one seed, which may be chance.");
        };
        let (low, high) = (self.mean - spread, self.mean + spread);
        let said = match (low, high) {
            (low, _) if low > 0.0 => "helped",
            (_, high) if high < 0.0 => "did harm",
            _ => "made no difference that these seeds could show",
        };
        format!(
            "{name} {said}: {mean} points against {baseline} (95 % interval {} to {}, {} seeds).",
            points(low),
            points(high),
            self.pairs
        )
    }
}

/// Student's t with so many degrees of freedom is above this with a probability of 2.5 %.
fn quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 10] =
        [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281];
    TABLE.get(freedom.saturating_sub(1)).copied().unwrap_or_else(|| {
        // Fisher's expansion about the normal quantile z.
        let (z, n) = (1.959_964_f64, freedom as f64);
        let first = (z.powi(3) + z) / 4.0;
        let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
        let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
        z + first / n + second / n.powi(2) + third / n.powi(3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(method: &str, seed: u64, accuracy: f64) -> CellRecord {
        CellRecord { method: method.to_owned(), seed, accuracy, ..CellRecord::default() }
    }

    #[test]
    fn pairs_tell_what_the_means_hide() {
        // The seeds differ by much more than the settings.
        let cells: Vec<CellRecord> = [(0, 0.5), (1, 0.7), (2, 0.9)]
            .into_iter()
            .flat_map(|(seed, level)| {
                let wobble = 0.001 * f64::from(u32::try_from(seed).unwrap());
                [
                    cell("none", seed, level),
                    cell("good", seed, level + 0.02 + wobble),
                    cell("bad", seed, level - 0.03 - wobble),
                    cell("idle", seed, level),
                    cell("wild", seed, 0.7),
                ]
            })
            .collect();
        let said = of(&cells, "none", None);
        assert_eq!(said.len(), 5);
        // The mean of 2.0, 2.1 and 2.2 points, and 4.3027 of its standard errors, 0.0577.
        assert_eq!(said[0], "good helped: +2.1 points against none (95 % interval +1.9 to +2.3, 3 seeds).");
        assert!(said[1..3].iter().all(|sentence| sentence.contains("made no difference")), "{said:?}");
        assert!(said[3].starts_with("bad did harm: -3.1 points"), "{said:?}");
        assert!(said[4].contains("of 4 comparisons"));
        let one = of(&[cell("none", 0, 0.5), cell("good", 0, 0.6), cell("lost", 7, 0.6)], "none", None);
        assert_eq!(one, ["good: +10.0 points against none with one seed, which may be chance."]);
    }

    #[test]
    fn quantiles_are_students() {
        for (freedom, expected) in [(1, 12.706), (4, 2.776), (11, 2.201), (20, 2.086), (60, 2.000)] {
            assert!((quantile(freedom) - expected).abs() < 1e-3, "{freedom}");
        }
    }
}
