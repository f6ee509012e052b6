/// A square image of 8-bit gray values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrayImage {
    /// Width and height in pixels.
    pub size: u32,
    /// `size` x `size` values, row by row from the top left; 0 is black, 255 is white.
    pub pixels: Vec<u8>,
}

impl GrayImage {
    /// The image as a PNG file's bytes, which depend on the pixels and on the `png` crate's version alone: none of
    /// the settings leaves anything to the DEFLATE library that another crate of the build may choose.
    pub fn to_png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.size, self.size);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        encoder.set_filter(png::Filter::Adaptive);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file)
    }
}
