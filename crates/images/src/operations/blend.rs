use super::{Square, luma};

/// Pillow's `Image.blend` (`libImaging/Blend.c`): from `degenerate` (factor 0) past `value` (factor 1), cut to a byte.
pub(super) fn blend(degenerate: u8, value: u8, factor: f32) -> u8 {
    let from = f32::from(degenerate);
    (from + factor * (f32::from(value) - from)) as u8
}

/// Pillow's `ImageEnhance.Color`: away from each pixel's gray. A gray image stays.
pub(super) fn saturation(square: &mut Square<'_>, factor: f64) {
    if square.channels != 3 {
        return;
    }
    for rgb in square.bytes.chunks_exact_mut(3) {
        let gray = luma(rgb);
        rgb.iter_mut().for_each(|value| *value = blend(gray, *value, factor as f32));
    }
}

/// TorchVision's `rgb_to_grayscale` of an image of Pillow's: each pixel's gray three times. A gray image stays.
pub(super) fn gray(square: &mut Square<'_>) {
    if square.channels == 3 {
        square.bytes.chunks_exact_mut(3).for_each(|rgb| rgb.fill(luma(rgb)));
    }
}

/// Pillow's `ImageEnhance.Sharpness`: away from the image smoothed by the kernel 1 1 1, 1 5 1, 1 1 1 over 13. The
/// outermost pixels are not smoothed.
pub(super) fn sharpness(square: &mut Square<'_>, factor: f64) {
    let Square { bytes, spare, side, channels } = square;
    let (side, channels) = (*side, *channels);
    if side < 3 {
        return;
    }
    spare.clone_from(bytes);
    let stride = side * channels;
    for y in 1..side - 1 {
        let row = |y: usize| &spare[y * stride..][..stride];
        let (above, here, below) = (row(y - 1), row(y), row(y + 1));
        let result = &mut bytes[y * stride..][..stride];
        for x in channels..stride - channels {
            let three =
                |row: &[u8]| [x - channels, x, x + channels].iter().map(|&x| u32::from(row[x])).sum::<u32>();
            let sum = three(above) + three(here) + three(below) + 4 * u32::from(here[x]);
            // A thirteenth, rounded; there is no tie.
            let smooth = (2 * sum + 13) / 26;
            result[x] = blend(smooth as u8, here[x], factor as f32);
        }
    }
}
