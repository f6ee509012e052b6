use std::fmt;

use half::{bf16, f16};

use crate::{Dtype, Error};

/// An array on the host: extents, element type, values.
#[derive(Clone, PartialEq)]
pub struct Array {
    /// Extents, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: Dtype,
    /// The values, little endian, contiguous, last extent fastest.
    pub data: Vec<u8>,
}

/// How many values of an array are no numbers that a network computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFinite {
    /// Values that are no number.
    pub nan: usize,
    /// Values that are infinite, or beyond `float32`.
    pub infinite: usize,
    /// All values.
    pub of: usize,
}

impl Array {
    /// An array of these values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of bytes is not what the shape asks for.
    pub fn new(shape: Vec<usize>, dtype: Dtype, data: Vec<u8>) -> Result<Self, Error> {
        let wanted = shape.iter().try_fold(dtype.size(), |bytes, extent| bytes.checked_mul(*extent));
        if wanted != Some(data.len()) {
            return Err(Error::Shape {
                shape,
                dtype,
                wanted: wanted.unwrap_or(usize::MAX),
                found: data.len(),
            });
        }
        Ok(Self { shape, dtype, data })
    }

    /// A `float32` array of these values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of `shape`.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Result<Self, Error> {
        let data = values.iter().flat_map(|value| value.to_le_bytes());
        Self::new(shape, Dtype::F32, data.collect())
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len() / self.dtype.size()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The values as `f32`: `f16` and `bf16` exactly, `f64` rounded to nearest.
    ///
    /// # Errors
    /// [`Error::Dtype`] for an array of integers or booleans.
    pub fn to_f32(&self) -> Result<Vec<f32>, Error> {
        match self.dtype {
            Dtype::F16 => Ok(self.values(|bytes| f16::from_le_bytes(bytes).to_f32())),
            Dtype::Bf16 => Ok(self.values(|bytes| bf16::from_le_bytes(bytes).to_f32())),
            Dtype::F32 => Ok(self.values(f32::from_le_bytes)),
            #[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
            Dtype::F64 => Ok(self.values(|bytes| f64::from_le_bytes(bytes) as f32)),
            found => Err(Error::Dtype { found, wanted: Dtype::F32 }),
        }
    }

    /// The values as `i64`, from any type of integer that always fits, and booleans as 0 and 1.
    ///
    /// # Errors
    /// [`Error::Dtype`] for an array of floating point numbers or `u64`.
    pub fn to_i64(&self) -> Result<Vec<i64>, Error> {
        match self.dtype {
            Dtype::Bool => Ok(self.values(|[byte]| i64::from(byte != 0))),
            Dtype::U8 => Ok(self.values(|[byte]| i64::from(byte))),
            Dtype::I8 => Ok(self.values(|bytes| i64::from(i8::from_le_bytes(bytes)))),
            Dtype::U16 => Ok(self.values(|bytes| i64::from(u16::from_le_bytes(bytes)))),
            Dtype::I16 => Ok(self.values(|bytes| i64::from(i16::from_le_bytes(bytes)))),
            Dtype::U32 => Ok(self.values(|bytes| i64::from(u32::from_le_bytes(bytes)))),
            Dtype::I32 => Ok(self.values(|bytes| i64::from(i32::from_le_bytes(bytes)))),
            Dtype::I64 => Ok(self.values(i64::from_le_bytes)),
            found => Err(Error::Dtype { found, wanted: Dtype::I64 }),
        }
    }

    /// How many values are no numbers or infinite, `f64` beyond `f32` included; None where all are sound, and for integers.
    #[must_use]
    pub fn not_finite(&self) -> Option<NotFinite> {
        let (nan, infinite) = match self.dtype {
            Dtype::F16 => self.count(u16::from_le_bytes, 0x7fff, 0x7c00),
            Dtype::Bf16 => self.count(u16::from_le_bytes, 0x7fff, 0x7f80),
            Dtype::F32 => self.count(u32::from_le_bytes, 0x7fff_ffff, 0x7f80_0000),
            Dtype::F64 => {
                let values = self.to_f32().unwrap_or_default();
                let nan = values.iter().filter(|value| value.is_nan()).count();
                (nan, values.iter().filter(|value| value.is_infinite()).count())
            }
            _ => (0, 0),
        };
        (nan + infinite > 0).then(|| NotFinite { nan, infinite, of: self.len() })
    }

    /// Numbers of values whose bits without the sign are above and equal to those of infinity.
    fn count<const SIZE: usize, T: Copy + Ord + std::ops::BitAnd<Output = T>>(
        &self,
        bits: impl Fn([u8; SIZE]) -> T,
        unsigned: T,
        infinity: T,
    ) -> (usize, usize) {
        let (chunks, _) = self.data.as_chunks::<SIZE>();
        let sound = chunks.iter().all(|bytes| bits(*bytes) & unsigned < infinity);
        if sound {
            return (0, 0);
        }
        let counted = |of: std::cmp::Ordering| {
            chunks.iter().filter(|bytes| (bits(**bytes) & unsigned).cmp(&infinity) == of).count()
        };
        (counted(std::cmp::Ordering::Greater), counted(std::cmp::Ordering::Equal))
    }

    fn values<const SIZE: usize, T>(&self, value: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
        let (chunks, _) = self.data.as_chunks::<SIZE>();
        chunks.iter().map(|bytes| value(*bytes)).collect()
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Array({} {:?})", self.dtype, self.shape)
    }
}
