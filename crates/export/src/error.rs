use std::path::PathBuf;

/// Why a model was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder has an exported model.
    #[error("{} is there already; name another folder with --out, or remove it", .0.display())]
    Taken(PathBuf),
    /// The model cannot be written as ONNX.
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    /// A file cannot be written.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// Tensors of the model cannot be read.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// Tensors of the model are of no use.
    #[error(transparent)]
    Weights(#[from] checkpoint::Error),
    /// Images cannot be read.
    #[error(transparent)]
    Images(#[from] images::Error),
    /// Eight bits need images to be calibrated on.
    #[error("8 bits are calibrated on images, and none can be read; name a folder of them with --data")]
    NoImages,
    /// The classes of the images are not those of the model.
    #[error(
        "8 bits are measured on labelled images, and the classes of {} ({theirs}) are not those of the model ({known}); name a folder with the model's classes with --data", data.display()
    )]
    UnknownClasses {
        /// The folder of the images.
        data: PathBuf,
        /// Their classes.
        theirs: String,
        /// The model's.
        known: String,
    },
    /// Eight bits cost more accuracy than was allowed; nothing was written.
    #[error(
        "8 bits cost {drop:.1} points of accuracy ({before:.1}% before, {after:.1}% after, {images} images), and --max-drop allows {allowed}; export fp16, or allow more"
    )]
    Drop {
        /// Points lost.
        drop: f64,
        /// Percent, as trained.
        before: f64,
        /// Percent, in 8 bits.
        after: f64,
        /// Number of labelled images.
        images: usize,
        /// Points allowed.
        allowed: f64,
    },
    /// A value of the network is larger than float16 can hold.
    #[error("{name} reaches {value:.0}, and float16 holds 65504 at most; use --precision float32")]
    Overflow {
        /// The operation.
        name: String,
        /// The largest magnitude over the images.
        value: f32,
    },
    /// The written file cannot be run.
    #[error("the file that was written cannot be run: {name}: {what}; nothing was kept")]
    Operator {
        /// The operator, by the name of its output.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The written file gives other scores than the model; nothing was kept.
    #[error(
        "the file that was written gives other answers than the model: {same} of {images} alike, scores apart by {apart:.1e} of the largest, and {bound:.0e} are allowed; nothing was kept (--unchecked writes it all the same)"
    )]
    Other {
        /// Images with the same answer.
        same: usize,
        /// All images.
        images: usize,
        /// Largest difference of scores, as a share of the largest score.
        apart: f64,
        /// The largest that is allowed.
        bound: f64,
    },
    /// The written file says something else of the model.
    #[error("the file that was written names other classes than the model; nothing was kept")]
    Classes,
}
