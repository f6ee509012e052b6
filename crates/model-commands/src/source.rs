//! Arguments and output that `predict` and `evaluate` share: the model and how it computes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use images::{LeftOut, Remark, left_out_sentence};
use pretrained::Fit;
use report::text::{count, visible};
use run_config::{Precision, Switch};
use trained_model::model::{Model, ModelSource};
use trained_model::predict::Batching;

#[derive(Debug, clap::Args)]
#[expect(missing_docs, reason = "clap would print it as the description of a command")]
#[group(skip)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["run", "arch"]))]
pub struct ModelArguments {
    /// Folder of a run, for its model.safetensors.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["arch", "weights"])]
    run: Option<PathBuf>,
    /// Network; `finetune archs` lists them.
    #[arg(long, value_name = "NAME", requires = "weights")]
    arch: Option<String>,
    /// Weights of the network: a name of the catalog or of Hugging Face's hub (hf:OWNER/NAME), or a .pth or .safetensors file.
    #[arg(long, value_name = "FILE|NAME", requires = "arch")]
    weights: Option<String>,
    /// Device: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Number format: float32, bf16, fp16 (GPU only), or auto for the fastest.
    #[arg(long, value_name = "TYPE", default_value = "float32")]
    precision: Precision,
    /// Images per batch.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    batch_size: u32,
    /// Threads for computing and for decoding; 0 means one per core.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1024))]
    threads: u32,
    /// Decode JPEG files much larger than the network's input at 1/2, 1/4 or 1/8 of their size.
    #[arg(long)]
    reduced_decoding: bool,
}

impl ModelArguments {
    /// Opens the model and prints a line about it on stderr.
    pub fn open(&self) -> anyhow::Result<Model> {
        let device = torch_extra::cuda::device(&self.device)?;
        torch_extra::determinism::fix(0, self.threads());
        self.precision.check(device)?;
        let mut model = Model::open(&self.source(), device)?;
        model.prepare(self.precision, self.threads(), self.batching().batch_size);
        let temperature = match model.temperature {
            1.0 => String::new(),
            value => format!("; probabilities at temperature {value}"),
        };
        let how = match model.input.fit {
            Fit::Crop => "",
            Fit::Pad => " (whole, padded with the mean colour)",
            Fit::Squash => " (squashed)",
        };
        let line = format!(
            "{}{} from {}, {} classes; images prepared for {} x {} pixels{how}, {}{temperature}",
            model.network.name,
            model.backbone.ending().cut.map(|cut| format!(" to {cut}")).unwrap_or_default(),
            model.path.display(),
            count(model.classes.len() as u64),
            model.input.crop,
            model.input.crop,
            model.input_from
        );
        let _ = writeln!(io::stderr(), "{}", visible(&line));
        if !model.unwrapping.is_empty() {
            let _ = writeln!(io::stderr(), "weights: {}", visible(&model.unwrapping));
        }
        for warning in &model.warnings {
            let _ = writeln!(io::stderr(), "warning: {}", visible(warning));
        }
        Ok(model)
    }

    /// Returns how images pass through the model.
    #[must_use]
    pub fn batching(&self) -> Batching {
        let workers = usize::try_from(self.threads()).unwrap_or(1);
        let reduced_decoding = if self.reduced_decoding { Switch::On } else { Switch::Off };
        Batching { batch_size: usize::try_from(self.batch_size).unwrap_or(1), workers, reduced_decoding }
    }

    /// Returns the folder of the run, if one was named.
    #[must_use]
    pub fn run(&self) -> Option<&Path> {
        self.run.as_deref()
    }

    /// Returns the number of threads, at least 1.
    #[must_use]
    pub fn threads(&self) -> u32 {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.threads == 0 { u32::try_from(cores).unwrap_or(1) } else { self.threads }
    }

    fn source(&self) -> ModelSource {
        match (&self.run, &self.arch, &self.weights) {
            (Some(run), ..) => ModelSource::Run(run.clone()),
            (None, arch, weights) => ModelSource::Weights {
                arch: arch.clone().unwrap_or_default(),
                weights: weights.clone().unwrap_or_default(),
            },
        }
    }
}

/// Prints on stderr which parts of the data are left out, and remarks about it.
pub fn print_data(left_out: &[LeftOut], root: &Path, remarks: &[Remark]) {
    let sentences = left_out_sentence(left_out, root).into_iter();
    for sentence in sentences.chain(remarks.iter().map(ToString::to_string)) {
        let _ = writeln!(io::stderr(), "{}", visible(&sentence));
    }
}

/// Prints on stderr which files could not be read.
pub fn print_unreadable<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) {
    for (path, reason) in files {
        let _ = writeln!(io::stderr(), "{}", visible(&format!("cannot read {path}: {reason}")));
    }
}
