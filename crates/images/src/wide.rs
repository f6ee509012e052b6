//! Images of 16 bits: their largest values, so that data of 10, 12 or 14 bits are noticed.

use std::num::NonZeroU16;

/// The images of 16 bits among others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WideImages {
    /// How many there are.
    pub count: u64,
    /// The largest value in any of them, 0 to 65,535.
    pub brightest: u16,
    /// How many of them hold values beyond the range they were read with, which are clipped.
    pub clipped: u64,
}

impl WideImages {
    /// Counts an image whose largest value is `brightest`, if it has 16 bits.
    pub(crate) fn add(&mut self, brightest: Option<u16>, range: Option<NonZeroU16>) {
        let Some(brightest) = brightest else { return };
        self.count += 1;
        self.brightest = self.brightest.max(brightest);
        self.clipped += u64::from(range.is_some_and(|range| brightest > range.get()));
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: WideImages) -> WideImages {
        WideImages {
            count: self.count + other.count,
            brightest: self.brightest.max(other.brightest),
            clipped: self.clipped + other.clipped,
        }
    }
}
