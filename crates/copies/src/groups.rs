/// Joins pairs to groups: images that are connected by pairs, directly or through others. Groups come by their first image,
/// and each is sorted; images without a pair are in none.
#[must_use]
pub fn groups(pairs: impl IntoIterator<Item = [usize; 2]>, images: usize) -> Vec<Vec<usize>> {
    let mut above: Vec<usize> = (0..images).collect();
    for [one, other] in pairs {
        let (one, other) = (root(&mut above, one), root(&mut above, other));
        above[one.max(other)] = one.min(other);
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); images];
    for image in 0..images {
        let first = root(&mut above, image);
        groups[first].push(image);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// The first image of a group, to which all on the way are tied.
fn root(above: &mut [usize], image: usize) -> usize {
    let mut top = image;
    while above[top] != top {
        top = above[top];
    }
    let mut here = image;
    while above[here] != top {
        here = std::mem::replace(&mut above[here], top);
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_connected_is_one_group() {
        let pairs = [[4, 2], [7, 8], [2, 0], [8, 9], [9, 7]];
        assert_eq!(groups(pairs, 10), [vec![0, 2, 4], vec![7, 8, 9]]);
        assert!(groups([], 3).is_empty());
    }
}
