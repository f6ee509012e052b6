//! VGG (Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014).
//!
//! AlexNet left open which of its many odd numbers mattered: filters of 11, 5 and 3, strides of 4 and 1. VGG's answer is
//! that depth matters and one filter suffices. Two 3x3 convolutions see as far as one of 5x5, and three as far as one of
//! 7x7, with fewer parameters and a non-linearity after each. A network becomes a list of widths, and the same list grew
//! from 11 layers to 19, each step more accurate. Its features carry over to other tasks so well that they are still
//! used for that; the price is 138 million parameters, nine tenths of them in the fully connected layers.
//!
//! The `_bn` forms put batch-norm after each convolution (Ioffe and Szegedy 2015), which lets the deep ones start from
//! random weights; the paper had to start them from shallow ones. Source: `torchvision/models/vgg.py`, where a layer's
//! key is its position in the sequence of convolutions, norms, activations and pools, and so it is here.

mod timm;

use backbone::layers::{
    Activation, AdaptiveAvgPool, Conv, ConvInit, ConvNorm, Dropout, Flatten, Linear, LinearInit, MaxPool,
};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use pretrained::InputSpec;

/// VGG-11 to VGG-19, without and with batch-norm; the number counts layers with weights, the three of the classifier included.
pub const FAMILY: Family = Family {
    name: "vgg",
    solved: "small filters stacked: 3x3 convolutions alone, so that depth is the only thing left to choose",
    networks: &[
        network("vgg11", |path, options| vgg(path, options, A, Form::Plain)),
        network("vgg13", |path, options| vgg(path, options, B, Form::Plain)),
        network("vgg16", |path, options| vgg(path, options, D, Form::Plain)),
        network("vgg19", |path, options| vgg(path, options, E, Form::Plain)),
        network("vgg11_bn", |path, options| vgg(path, options, A, Form::Normed)),
        network("vgg13_bn", |path, options| vgg(path, options, B, Form::Normed)),
        network("vgg16_bn", |path, options| vgg(path, options, D, Form::Normed)),
        network("vgg19_bn", |path, options| vgg(path, options, E, Form::Normed)),
    ],
};

/// Convolutions in each of the five blocks; the paper calls them configurations A, B, D and E.
const A: [usize; 5] = [1, 1, 2, 2, 2];
const B: [usize; 5] = [2, 2, 2, 2, 2];
const D: [usize; 5] = [2, 2, 3, 3, 3];
const E: [usize; 5] = [2, 2, 4, 4, 4];

const fn network(name: &'static str, constructor: fn(&Path, &Options) -> Parts) -> Network {
    Network {
        name,
        year: 2014,
        paper: "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014",
        head: "classifier.6",
        smallest_input: 32,
        input: InputSpec::imagenet,
        stochastic_depth: 0.0,
        constructor,
        dialects: &[Dialect { name: "timm", rename: timm::rename, differs: None }],
        arguments: &[],
    }
}

/// Whether batch-norm follows each convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Normed,
}

/// `[N, channels, 224, 224]` -> `[N, classes]`.
fn vgg(path: &Path, options: &Options, depths: [usize; 5], form: Form) -> Parts {
    let mut features = Features { path: path / "features", channels: options.channels, index: 0, form };
    let [block1, block2, block3, block4, block5] = depths;
    let mut stages = vec![
        features.block("block1", block1, 64),        // [N, 64, 112, 112]
        features.block("block2", block2, 128),       // [N, 128, 56, 56]
        features.block("block3", block3, 256),       // [N, 256, 28, 28]
        features.block("block4", block4, 512),       // [N, 512, 14, 14]
        features.block("block5", block5, 512),       // [N, 512, 7, 7]
        Stage::new("pool", &[], AdaptiveAvgPool(7)), // [N, 512, 7, 7]
    ];

    let init = LinearInit::Normal(0.01);
    let rate = options.dropout.unwrap_or(0.5);
    let full = |index: usize, inputs| Linear::new(&(path / "classifier" / index), inputs, 4096, init);
    let classifier = Sequence::new()
        .then(Flatten)
        .then(full(0, 512 * 7 * 7))
        .then(Activation::Relu)
        .then(Dropout(rate))
        .then(full(3, 4096))
        .then(Activation::Relu);
    stages.push(Stage::new("classifier", &["classifier.0", "classifier.3"], classifier)); // [N, 4096]
    let head = Head::new(path, "classifier.6", 4096, options.classes, rate, init);
    Parts::new(stages, head)
}

/// The convolutions, built one after another, and the position reached in TorchVision's sequence.
struct Features {
    path: Path,
    channels: i64,
    index: usize,
    form: Form,
}

impl Features {
    /// `depth` convolutions of `width` channels, then half the size.
    fn block(&mut self, name: &'static str, depth: usize, width: i64) -> Stage {
        let mut roots = Vec::new();
        let mut block = Sequence::new();
        for _ in 0..depth {
            let (conv, owned) = self.conv(width);
            block = block.then(conv);
            roots.extend(owned);
        }
        self.index += 1; // the pool's place in the sequence
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        Stage::new(name, &roots, block.then(MaxPool::new(2, 2)))
    }

    /// A convolution and the path roots of its variables.
    fn conv(&mut self, width: i64) -> (ConvNorm, Vec<String>) {
        let conv = Conv::new(self.channels, width, 3).same().init(ConvInit::KaimingFanOut);
        let (here, next) = (self.index, self.index + 1);
        self.channels = width;
        match self.form {
            Form::Plain => {
                self.index += 2; // convolution, ReLU
                (conv.biased(&(&self.path / here)), vec![format!("features.{here}")])
            }
            Form::Normed => {
                self.index += 3; // convolution, norm, ReLU
                let conv = conv.biased_and_normed(&(&self.path / here), &(&self.path / next));
                (conv, vec![format!("features.{here}"), format!("features.{next}")])
            }
        }
    }
}
