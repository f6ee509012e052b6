/// Estimated number of images of each label that are of each class, `[label][class]`, by confident learning (Northcutt, Jiang and
/// Chuang 2021): an image counts for the class whose probability is above the mean probability of that class among its own
/// images, of several the most probable; rows are scaled to the number of images of each label.
#[must_use]
pub fn confident_joint(probabilities: &[Vec<f64>], labels: &[usize]) -> Vec<Vec<usize>> {
    let classes = probabilities.first().map_or(0, Vec::len);
    let mut counts = vec![0usize; classes];
    let mut sums = vec![0.0f64; classes];
    for (row, &label) in probabilities.iter().zip(labels) {
        counts[label] += 1;
        sums[label] += row[label];
    }
    // A class without images is never confident.
    let thresholds: Vec<f64> = counts
        .iter()
        .zip(&sums)
        .map(|(&count, sum)| if count == 0 { f64::INFINITY } else { sum / count as f64 - 1e-6 })
        .collect();
    let mut joint = vec![vec![0.0f64; classes]; classes];
    for (row, &label) in probabilities.iter().zip(labels) {
        let confident = (0..classes).filter(|&class| row[class] >= thresholds[class]).count();
        let guess = match confident {
            0 => continue,
            1 => (0..classes).find(|&class| row[class] >= thresholds[class]),
            _ => most(row),
        };
        joint[label][guess.unwrap_or(label)] += 1.0;
    }
    for (class, row) in joint.iter_mut().enumerate() {
        row[class] = row[class].max(1.0);
    }
    let scaled = joint.into_iter().zip(&counts).map(|(row, &count)| {
        let sum: f64 = row.iter().sum();
        rounded(&row.iter().map(|value| value / sum * count as f64).collect::<Vec<_>>())
    });
    scaled.collect()
}

/// Chooses the images whose labels are likely wrong: for each label and other class as many as the joint has, those first
/// whose probability of the other class is most above that of the label, and never one whose label is the most probable.
#[must_use]
pub fn flagged(joint: &[Vec<usize>], probabilities: &[Vec<f64>], labels: &[usize]) -> Vec<bool> {
    let mut flagged = vec![false; labels.len()];
    for (label, row) in joint.iter().enumerate() {
        let of_label: Vec<usize> = (0..labels.len()).filter(|&image| labels[image] == label).collect();
        if of_label.len() < 2 {
            continue;
        }
        for (class, number) in at_least_one_left(row, label).into_iter().enumerate() {
            if class == label {
                continue;
            }
            let mut ranked = of_label.clone();
            let margin = |image: usize| probabilities[image][class] - probabilities[image][label];
            ranked.sort_by(|&one, &other| margin(other).total_cmp(&margin(one)).then(one.cmp(&other)));
            ranked.into_iter().take(number).for_each(|image| flagged[image] = true);
        }
    }
    for (image, &label) in labels.iter().enumerate() {
        let row = &probabilities[image];
        flagged[image] &= row.iter().any(|&other| other > row[label] + 1e-6);
    }
    flagged
}

/// Takes images of wrong labels back until one is left with its own.
fn at_least_one_left(row: &[usize], label: usize) -> Vec<usize> {
    if row[label] >= 1 {
        return row.to_vec();
    }
    let others = row.iter().filter(|&&count| count > 0).count();
    let less = 1.0 / (others as f64 - 1.0).max(1.0);
    let reduced: Vec<f64> = row
        .iter()
        .enumerate()
        .map(|(class, &count)| if class == label { 1.0 } else { (count as f64 - less).max(0.0) })
        .collect();
    rounded(&reduced)
}

/// Rounds to whole numbers of the same sum: those farthest from their rounding give way.
fn rounded(values: &[f64]) -> Vec<usize> {
    let mut whole: Vec<f64> = values.iter().map(|value| value.round_ties_even()).collect();
    let wanted = values.iter().sum::<f64>().round_ties_even();
    for _ in 0..values.len() {
        let lacking = wanted - whole.iter().sum::<f64>();
        if lacking.abs() < 0.5 {
            break;
        }
        let step = lacking.signum();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&one, &other| {
            let gap = |place: usize| (values[place] - whole[place]) * step;
            gap(other).total_cmp(&gap(one))
        });
        let changes = lacking.abs() as usize;
        order.into_iter().take(changes).for_each(|place| whole[place] += step);
    }
    whole.into_iter().map(|value| value.max(0.0) as usize).collect()
}

/// The class with the highest probability, of equal ones the first.
pub(crate) fn most(row: &[f64]) -> Option<usize> {
    (0..row.len()).reduce(|best, class| if row[class] > row[best] { class } else { best })
}
