//! One image laid over another: over all of it or a part, mirrored or turned by quarters, then moved, scaled and sheared a
//! little until the two agree as well as they can. `coarse`: every place at 16 pixels a side; `refine`: the best of them, finer.

mod coarse;
mod refine;

use self::coarse::Place;
pub(crate) use self::coarse::Templates;
use crate::Thumbnail;

/// How well one image, the pattern, lies over another, the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// Correlation of the gray values where the two overlap, -1 to 1.
    pub correlation: f64,
    /// Whether the first image is the pattern.
    pub first_is_pattern: bool,
    /// From the pattern to the canvas, each from -1 to 1 across: `x' = m[0] x + m[1] y + m[2]`, `y' = m[3] x + m[4] y + m[5]`.
    pub map: [f64; 6],
}

impl Alignment {
    /// No agreement at all.
    const NONE: Alignment =
        Alignment { correlation: 0.0, first_is_pattern: true, map: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0] };

    /// Share of the canvas that the pattern covers, by area.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.determinant().abs()
    }

    /// Whether one image is the other in a mirror.
    #[must_use]
    pub fn is_mirrored(&self) -> bool {
        self.determinant() < 0.0
    }

    /// By how much the pattern is turned, to the nearest quarter: 0 to 3. A mirror is taken off first.
    #[must_use]
    pub fn quarter_turns(&self) -> u8 {
        let sign = if self.is_mirrored() { -1.0 } else { 1.0 };
        let angle = (self.map[3] * sign).atan2(self.map[0] * sign);
        (angle / std::f64::consts::FRAC_PI_2).round().rem_euclid(4.0) as u8
    }

    fn determinant(&self) -> f64 {
        self.map[0] * self.map[4] - self.map[1] * self.map[3]
    }
}

/// Number of coarse places that are refined.
const REFINED: usize = 3;

/// Coarse correlation below which a place is not worth refining.
const HOPELESS: f32 = 0.6;

/// Correlation that no other place will better by much.
const SURE: f64 = 0.98;

/// Lays two images over one another.
#[must_use]
pub fn align(first: &Thumbnail, second: &Thumbnail) -> Alignment {
    let [one, other] = [first, second].map(Templates::of);
    align_prepared(&one, &other)
}

/// Lays two images over one another, whose templates are made already.
pub(crate) fn align_prepared(first: &Templates<'_>, second: &Templates<'_>) -> Alignment {
    let mut places: Vec<(bool, Place)> = coarse::places(first, second).map(|place| (true, place)).collect();
    places.extend(coarse::places(second, first).map(|place| (false, place)));
    places.sort_by(|(_, one), (_, other)| other.correlation.total_cmp(&one.correlation));
    let mut best = Alignment::NONE;
    for (first_is_pattern, place) in places.into_iter().take(REFINED) {
        if place.correlation < HOPELESS || best.correlation > SURE {
            break;
        }
        let (pattern, canvas) = if first_is_pattern { (first, second) } else { (second, first) };
        let refined = refine::refine(pattern.thumbnail, canvas.thumbnail, place.map());
        if refined.correlation > best.correlation {
            best = Alignment { correlation: refined.correlation, first_is_pattern, map: refined.map };
        }
    }
    best
}
