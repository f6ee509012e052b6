//! Predictions of several processes, each for some images of a split, put together in their order.

use team::Team;

/// What one process predicted for its images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predicted {
    /// Cross-entropy of each image, in nats.
    pub losses: Vec<f64>,
    /// Labels.
    pub labels: Vec<i64>,
    /// Most probable classes.
    pub classes: Vec<i64>,
    /// Their probabilities.
    pub probability: Vec<f64>,
    /// Scores, image by image; empty where they are not kept.
    pub logits: Vec<f32>,
}

/// Returns the predictions of all processes, in the order of their ranks.
///
/// # Errors
/// When a process is gone.
pub fn gathered(own: Predicted, team: &Team) -> Result<Predicted, team::Error> {
    if team.is_alone() {
        return Ok(own);
    }
    let mut whole = Predicted::default();
    for bytes in team.gather(written(&own))? {
        let part = read(&bytes).ok_or_else(|| team::Error::Differ("form of predictions".to_owned()))?;
        whole.losses.extend(part.losses);
        whole.labels.extend(part.labels);
        whole.classes.extend(part.classes);
        whole.probability.extend(part.probability);
        whole.logits.extend(part.logits);
    }
    Ok(whole)
}

/// Numbers of images and of logits, then the values, each in 8 bytes but for logits in 4.
fn written(Predicted { losses, labels, classes, probability, logits }: &Predicted) -> Vec<u8> {
    let counts = [losses.len(), logits.len()].map(|count| count as u64);
    let mut bytes: Vec<u8> = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
    bytes.extend(losses.iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend(labels.iter().chain(classes).flat_map(|value| value.to_le_bytes()));
    bytes.extend(probability.iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend(logits.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

fn read(bytes: &[u8]) -> Option<Predicted> {
    let mut rest = bytes;
    let counts = words(&mut rest, 2)?.into_iter().map(u64::from_le_bytes);
    let counts: Vec<usize> = counts.map(|count| usize::try_from(count).ok()).collect::<Option<_>>()?;
    let [images, logits] = <[usize; 2]>::try_from(counts).ok()?;
    let losses = words(&mut rest, images)?.into_iter().map(f64::from_le_bytes).collect();
    let labels = words(&mut rest, images)?.into_iter().map(i64::from_le_bytes).collect();
    let classes = words(&mut rest, images)?.into_iter().map(i64::from_le_bytes).collect();
    let probability = words(&mut rest, images)?.into_iter().map(f64::from_le_bytes).collect();
    let logits = words(&mut rest, logits)?.into_iter().map(f32::from_le_bytes).collect();
    rest.is_empty().then_some(Predicted { losses, labels, classes, probability, logits })
}

/// Takes this number of values from the beginning; `None` if there are fewer.
fn words<const N: usize>(rest: &mut &[u8], count: usize) -> Option<Vec<[u8; N]>> {
    let (words, after) = rest.split_at_checked(count.checked_mul(N)?)?;
    *rest = after;
    words.chunks_exact(N).map(|word| word.try_into().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_as_it_was_written_and_a_cut_one_is_refused() {
        let part = Predicted {
            losses: vec![1.0 / 3.0, f64::INFINITY, 0.0],
            labels: vec![0, 2, 1],
            classes: vec![0, 1, 1],
            probability: vec![0.25, 0.5, 1.0],
            logits: vec![0.5; 9],
        };
        let bytes = written(&part);
        assert_eq!(read(&bytes).unwrap(), part);
        assert!(read(&bytes[..bytes.len() - 1]).is_none());
    }
}
