//! A warning about images of 16 bits whose camera has 10, 12 or 14.

use images::WideImages;
use pretrained::SampleRange;
use records::wording::percent;

/// Largest values of 10, 12 and 14 bits.
const LARGEST: [u16; 3] = [1023, 4095, 16_383];

/// Returns a warning where images of 16 bits are nearly black for want of `data.input.range`, or have values above it.
#[must_use]
pub fn warning(wide: WideImages, range: Option<SampleRange>) -> Option<String> {
    let WideImages { count, brightest, clipped } = wide;
    match range {
        None => {
            let fits = LARGEST.into_iter().find(|&largest| brightest <= largest)?;
            let share = percent(f64::from(brightest) / f64::from(u16::MAX));
            (count > 0 && brightest > 0).then(|| {
                format!(
                    "none of the {count} image(s) of 16 bits is brighter than {share} (the largest value is {brightest} of 65535), and they are read as dark as that; data of {} bits need data.input.range = {fits} when the model is trained",
                    (u32::from(fits) + 1).ilog2()
                )
            })
        }
        Some(range) => (clipped > 0).then(|| {
            format!(
                "{clipped} of the {count} image(s) of 16 bits hold values above data.input.range = {range}, which are read as white; the largest is {brightest}"
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_range_is_named_where_nothing_is_bright() {
        let warn = |brightest, range: Option<i64>, clipped| {
            let range = range.map(|range| SampleRange::try_from(range).unwrap());
            warning(WideImages { count: 8, brightest, clipped }, range)
        };
        for (brightest, fits) in [(900, 1023), (1023, 1023), (1024, 4095), (4080, 4095), (9000, 16_383)] {
            let text = warn(brightest, None, 0).unwrap();
            assert!(text.contains(&format!("data.input.range = {fits} ")), "{text}");
        }
        assert!(warn(4080, None, 0).unwrap().contains("6.2%"));
        for bright in [16_384, 65_535] {
            assert_eq!(warn(bright, None, 0), None);
        }
        // All black: no range would help.
        assert_eq!(warn(0, None, 0), None);
        assert_eq!(warn(300, Some(4095), 0), None);
        assert!(warn(16_000, Some(4095), 3).unwrap().contains("3 of the 8"));
        assert_eq!(warning(WideImages::default(), None), None);
    }
}
