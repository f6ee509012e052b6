use rayon::prelude::*;

use crate::Hash;

/// Another image, and how far away it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Index of the image.
    pub image: usize,
    /// Distance, at least 0, in the unit of the space it was measured in.
    pub distance: f32,
}

/// For each image the images nearest to it, the nearest first, itself left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours(pub Vec<Vec<Neighbour>>);

/// Returns the `count` images nearest to each by hash, whichever of the eight orientations is nearest.
#[must_use]
pub fn nearest_by_hash(hashes: &[Hash], count: usize) -> Neighbours {
    let nearest = hashes.par_iter().enumerate().map(|(image, hash)| {
        let turned = hash.orientations();
        let mut best: Vec<Neighbour> = Vec::with_capacity(count + 1);
        for (other, hash) in hashes.iter().enumerate().filter(|(other, _)| *other != image) {
            let distance = turned.iter().map(|turned| turned.distance(*hash)).min().unwrap_or(0) as f32;
            if best.len() < count || best.last().is_some_and(|last| distance < last.distance) {
                let place = best.partition_point(|known| known.distance <= distance);
                best.insert(place, Neighbour { image: other, distance });
                best.truncate(count);
            }
        }
        best
    });
    Neighbours(nearest.collect())
}
