//! A balanced choice of images.

use images::shuffled;

/// A seeded subset of images with these labels: positions, rising. As many of each class as fit into `most`, at least
/// two, and all of those that have fewer.
pub fn subset(labels: &[usize], classes: usize, most: usize, seed: u64) -> Vec<u32> {
    let each = (most / classes.max(1)).max(2);
    let mut left = vec![each; classes];
    let mut chosen: Vec<u32> = shuffled(labels.len(), seed, 0)
        .into_iter()
        .filter(|&place| {
            let left = &mut left[labels[place as usize]];
            let wanted = *left > 0;
            *left = left.saturating_sub(1);
            wanted
        })
        .collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_share_the_room_and_the_seed_decides() {
        let labels: Vec<usize> = (0..100).map(|i| usize::from(i >= 90)).collect();
        let chosen = subset(&labels, 2, 40, 7);
        let of = |class| chosen.iter().filter(|&&place| labels[place as usize] == class).count();
        assert_eq!((of(0), of(1)), (20, 10));
        assert!(chosen.is_sorted());
        assert_eq!(chosen, subset(&labels, 2, 40, 7));
        assert_ne!(chosen, subset(&labels, 2, 40, 8));
        assert_eq!(subset(&labels, 2, 0, 7).len(), 4, "two of each at least");
        assert_eq!(subset(&labels, 2, 1000, 7).len(), 100);
    }
}
