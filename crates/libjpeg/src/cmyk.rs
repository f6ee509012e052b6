/// A row of Adobe's inverted CMYK as RGB: what Pillow's unpacker `CMYK;I` and its `cmyk2rgb` (`Convert.c`) give. Pillow
/// assumes that every JPEG of four channels is inverted.
pub(crate) fn to_rgb(row: &[u8], out: &mut [u8]) {
    for (inks, rgb) in row.chunks_exact(4).zip(out.chunks_exact_mut(3)) {
        let light = u32::from(inks[3]);
        for (channel, ink) in rgb.iter_mut().zip(inks) {
            let product = (255 - u32::from(*ink)) * light + 128;
            *channel = (light - ((product + (product >> 8)) >> 8)) as u8;
        }
    }
}
