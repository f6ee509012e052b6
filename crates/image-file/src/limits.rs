/// Where Pillow, too, sees a decompression bomb (`PIL/Image.py`, twice `MAX_IMAGE_PIXELS`).
pub(crate) const MAX_PIXELS: u64 = 178_956_970;

/// What a decoder may allocate.
pub(crate) const MAX_BYTES: u64 = 1 << 30;
