use std::f64::consts::PI;

use crate::thumbnail::{Plane, Thumbnail};

/// Frequencies along each side.
const FREQUENCIES: usize = 16;

/// A perceptual hash of 256 bits: the signs of the 16 x 16 lowest frequencies of the cosine transform (DCT-II) of a thumbnail,
/// row by row, the mean left at zero (after pHash, Zauner 2010).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash([u64; 4]);

impl Hash {
    /// Hashes a thumbnail.
    #[must_use]
    pub fn of(thumbnail: &Thumbnail) -> Hash {
        let frequencies = transform(thumbnail.plane(1));
        let mut bits = [false; FREQUENCIES * FREQUENCIES];
        for (bit, value) in bits.iter_mut().zip(frequencies).skip(1) {
            *bit = value > 0.0;
        }
        Hash::from_bits(&bits)
    }

    /// Number of bits that differ, 0 to 255.
    #[must_use]
    pub fn distance(self, other: Hash) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// The hashes of the image in all eight orientations, itself first: mirroring changes the sign of odd frequencies, and
    /// exchanging rows and columns those of the transform.
    #[must_use]
    pub fn orientations(self) -> [Hash; 8] {
        let bits = self.bits();
        std::array::from_fn(|orientation| {
            let [left_right, up_down, exchanged] = [1, 2, 4].map(|flag| orientation & flag != 0);
            let mut turned = [false; FREQUENCIES * FREQUENCIES];
            for (place, turned) in turned.iter_mut().enumerate().skip(1) {
                let (row, column) = (place / FREQUENCIES, place % FREQUENCIES);
                let source = if exchanged { column * FREQUENCIES + row } else { place };
                let odd = (left_right && column % 2 == 1) ^ (up_down && row % 2 == 1);
                *turned = bits[source] ^ odd;
            }
            Hash::from_bits(&turned)
        })
    }

    /// The bits, row by row.
    #[must_use]
    pub fn bits(self) -> [bool; FREQUENCIES * FREQUENCIES] {
        std::array::from_fn(|place| self.0[place / 64] >> (place % 64) & 1 == 1)
    }

    fn from_bits(bits: &[bool; FREQUENCIES * FREQUENCIES]) -> Hash {
        let mut hash = [0; 4];
        for (place, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            hash[place / 64] |= 1 << (place % 64);
        }
        Hash(hash)
    }
}

/// The lowest frequencies of a plane's cosine transform, row by row.
fn transform(plane: &Plane) -> Vec<f64> {
    let side = plane.side;
    let basis: Vec<f64> = (0..FREQUENCIES * side)
        .map(|place| {
            let (frequency, pixel) = ((place / side) as f64, (place % side) as f64);
            (PI / side as f64 * (pixel + 0.5) * frequency).cos()
        })
        .collect();
    // Along the rows, then along the columns.
    let mut rows = vec![0.0; side * FREQUENCIES];
    for row in 0..side {
        for frequency in 0..FREQUENCIES {
            let products = (0..side)
                .map(|pixel| f64::from(plane.values[row * side + pixel]) * basis[frequency * side + pixel]);
            rows[row * FREQUENCIES + frequency] = products.sum();
        }
    }
    let value = |place: usize| {
        let (down, along) = (place / FREQUENCIES, place % FREQUENCIES);
        (0..side).map(|row| rows[row * FREQUENCIES + along] * basis[down * side + row]).sum()
    };
    (0..FREQUENCIES * FREQUENCIES).map(value).collect()
}
