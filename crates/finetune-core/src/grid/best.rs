//! Which setting did best with each amount of data, and which others these runs cannot tell apart from it.

use records::CellRecord;

use super::bootstrap;

/// A sentence for each amount of data, and one on how the best setting moves with it; none with a single amount or setting.
pub(super) fn of(cells: &[CellRecord], judged_on: Option<&str>) -> Vec<String> {
    let mut sentences = Vec::new();
    for variant in first_seen(cells.iter().map(|cell| cell.variant.as_str())) {
        let of_variant: Vec<&CellRecord> = cells.iter().filter(|cell| cell.variant == variant).collect();
        let amounts = first_seen(of_variant.iter().map(|cell| cell.images_per_class));
        if amounts.len() < 2 {
            continue;
        }
        let place = if variant.is_empty() { String::new() } else { format!(" ({variant})") };
        let bests: Vec<(Option<u32>, Best<'_>)> = amounts
            .iter()
            .filter_map(|&amount| {
                let cells: Vec<&CellRecord> =
                    of_variant.iter().copied().filter(|cell| cell.images_per_class == amount).collect();
                Some((amount, Best::of(&cells, judged_on)?))
            })
            .collect();
        sentences.extend(bests.iter().map(|(amount, best)| best.sentence(*amount, &place)));
        sentences.extend(movement(&bests, &place));
    }
    sentences
}

/// The setting with the highest mean.
struct Best<'a> {
    name: &'a str,
    mean: f64,
    interval: Option<records::Interval>,
    /// Those whose paired difference from it has an interval that holds zero.
    equals: Vec<&'a str>,
    others: usize,
}

impl<'a> Best<'a> {
    /// Of cells with the same data; of equal means the first.
    fn of(cells: &[&'a CellRecord], judged_on: Option<&str>) -> Option<Self> {
        let settings = first_seen(cells.iter().map(|cell| cell.method.as_str()));
        let of = |name: &str| cells.iter().copied().filter(|cell| cell.method == name).collect::<Vec<_>>();
        let mean = |name: &str| {
            let figures: Vec<f64> = of(name).iter().map(|cell| super::figure(cell, judged_on)).collect();
            figures.iter().sum::<f64>() / figures.len() as f64
        };
        let means: Vec<(&str, f64)> = settings.iter().map(|&name| (name, mean(name))).collect();
        let known = means.iter().copied().filter(|(_, mean)| mean.is_finite());
        let (name, mean) = known.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        if settings.len() < 2 {
            return None;
        }
        let best = of(name);
        let answers: Vec<&str> = best.iter().map(|cell| super::answers(cell, judged_on)).collect();
        let cannot_be_told = |other: &&str| {
            let other = of(other);
            let pairs: Vec<(&str, &str)> = best
                .iter()
                .filter_map(|cell| {
                    let same = other.iter().find(|other| other.seed == cell.seed)?;
                    Some((super::answers(cell, judged_on), super::answers(same, judged_on)))
                })
                .collect();
            bootstrap::difference(&pairs).is_none_or(|interval| interval.low <= 0.0)
        };
        let others = settings.iter().copied().filter(|&other| other != name);
        Some(Self {
            name,
            mean,
            interval: bootstrap::accuracy(&answers),
            equals: others.filter(cannot_be_told).collect(),
            others: settings.len() - 1,
        })
    }

    fn sentence(&self, amount: Option<u32>, place: &str) -> String {
        let interval = self.interval.map_or_else(String::new, |interval| {
            format!(" (95 % interval {:.1} to {:.1})", interval.low * 100.0, interval.high * 100.0)
        });
        let rest = match self.equals.as_slice() {
            [] => "it is better than every other".to_owned(),
            all if all.len() == self.others => "these runs tell no other setting apart from it".to_owned(),
            some => format!("these runs do not tell {} apart from it", listed(some)),
        };
        format!(
            "With {}{place}, {} has the highest mean, {:.1} %{interval}; {rest}.",
            images(amount),
            self.name,
            self.mean * 100.0
        )
    }
}

/// From the least data to the most.
fn movement(bests: &[(Option<u32>, Best<'_>)], place: &str) -> Option<String> {
    let mut bests: Vec<&(Option<u32>, Best<'_>)> = bests.iter().collect();
    bests.sort_by_key(|(amount, _)| amount.map_or(u64::MAX, u64::from));
    let (_, first) = bests.first()?;
    if bests.iter().all(|(_, best)| best.name == first.name) {
        return Some(format!("The highest mean is {}'s with every amount of data{place}.", first.name));
    }
    let each: Vec<String> =
        bests.iter().map(|(amount, best)| format!("{} with {}", best.name, images(*amount))).collect();
    Some(format!("The highest mean moves with the amount of data{place}: {}.", each.join(", ")))
}

fn images(amount: Option<u32>) -> String {
    match amount {
        None => "all images".to_owned(),
        Some(1) => "1 image per class".to_owned(),
        Some(count) => format!("{count} images per class"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        names => names.concat(),
    }
}

fn first_seen<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many right of 100; the images that are hard are the same for all.
    fn cell(method: &str, amount: u32, seed: u64, right: usize) -> CellRecord {
        CellRecord {
            images_per_class: Some(amount),
            method: method.to_owned(),
            seed,
            accuracy: right as f64 / 100.0,
            answers: format!("{}{}", "1".repeat(right), "0".repeat(100 - right)),
            ..CellRecord::default()
        }
    }

    #[test]
    fn the_best_is_named_with_those_that_may_be_as_good() {
        let cells: Vec<CellRecord> = (0..3)
            .flat_map(|seed| {
                [
                    cell("head", 5, seed, 80),
                    cell("last 1", 5, seed, 79),
                    cell("all", 5, seed, 60),
                    cell("head", 100, seed, 80),
                    cell("last 1", 100, seed, 70),
                    cell("all", 100, seed, 95),
                ]
            })
            .collect();
        let said = of(&cells, None);
        assert_eq!(said.len(), 3);
        assert!(
            said[0]
                .starts_with("With 5 images per class, head has the highest mean, 80.0 % (95 % interval 7")
        );
        assert!(said[0].ends_with("; these runs do not tell last 1 apart from it."), "{}", said[0]);
        assert!(said[1].contains("all has the highest mean, 95.0 %"));
        assert!(said[1].ends_with("; it is better than every other."), "{}", said[1]);
        assert_eq!(
            said[2],
            "The highest mean moves with the amount of data: head with 5 images per class, all with 100 images per class."
        );
        assert!(of(&cells[..3], None).is_empty(), "one amount moves nowhere");
        let same: Vec<CellRecord> = cells.iter().filter(|cell| cell.method != "all").cloned().collect();
        assert!(of(&same, None)[2].starts_with("The highest mean is head's with every amount"));
    }
}
