//! The protocol buffers of an event file, as far as scalars and images need them.
//!
//! Field numbers are those of `tensorflow/core/util/event.proto` and `tensorflow/core/framework/summary.proto`;
//! fields of other kinds of events are skipped when reading.

/// One record of an event file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The step that the event belongs to.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// Its content.
    #[prost(oneof = "What", tags = "3, 5")]
    pub what: Option<What>,
}

/// The content of an event.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum What {
    /// The format's version, in the first event of a file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values measured at one step.
    #[prost(message, tag = "5")]
    Summary(Summary),
}

/// Values measured at one step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Summary {
    /// One entry for each tag.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<SummaryValue>,
}

/// One value under its tag.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SummaryValue {
    /// The name of what was measured, such as `loss`.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// The scalar; `None` for values of other kinds.
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    /// The image; `None` for values of other kinds.
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
}

/// An image.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Image {
    /// In pixels.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// In pixels.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// Number of channels: 3 for RGB, 4 for RGBA.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// The file's bytes, a PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

impl Event {
    /// A scalar; the format stores it in single precision.
    pub(super) fn scalar(tag: &str, step: u64, value: f64, wall_time: f64) -> Self {
        let value = SummaryValue { tag: tag.into(), simple_value: Some(value as f32), image: None };
        Self::of(value, step, wall_time)
    }

    /// An image.
    pub(super) fn image(tag: &str, step: u64, image: Image, wall_time: f64) -> Self {
        Self::of(SummaryValue { tag: tag.into(), simple_value: None, image: Some(image) }, step, wall_time)
    }

    fn of(value: SummaryValue, step: u64, wall_time: f64) -> Self {
        let what = What::Summary(Summary { value: vec![value] });
        Self { wall_time, step: i64::try_from(step).unwrap_or(i64::MAX), what: Some(what) }
    }
}
