use std::ops::Range;

/// Returns which of `count` things are a process's: blocks in the order of the ranks, the first ones larger by one where they
/// cannot be equal. So rank 0 always has work, and of fewer things nobody has more.
#[must_use]
pub fn part(count: usize, rank: usize, world: usize) -> Range<usize> {
    let (each, more) = (count / world.max(1), count % world.max(1));
    let start = rank * each + rank.min(more);
    start..start + each + usize::from(rank < more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_one_another_and_none_grows_where_there_is_less() {
        for world in 1..8 {
            for count in 0..40 {
                let parts: Vec<_> = (0..world).map(|rank| part(count, rank, world)).collect();
                assert_eq!(parts[0].start, 0);
                assert!(
                    parts.windows(2).all(|two| two[0].end == two[1].start && two[0].len() >= two[1].len())
                );
                assert_eq!(parts[world - 1].end, count);
                assert!(parts[0].len() - parts[world - 1].len() <= 1);
                for fewer in 0..count {
                    assert!((0..world).all(|rank| part(fewer, rank, world).len() <= parts[rank].len()));
                }
            }
        }
    }
}
