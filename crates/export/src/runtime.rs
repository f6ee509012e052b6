//! An exported file, read back and run: its operators as ONNX defines them (opset 17), computed by libtorch's plainest
//! functions. It knows nothing of the network that the file was made of.

mod operators;
mod tensors;

use std::collections::BTreeMap;
use std::path::Path;

use onnx::File;
use tch::Tensor;

use self::tensors::tensor;
use crate::ExportError;

/// A file ready to run on the CPU.
#[derive(Debug)]
pub struct Runtime {
    file: File,
    constants: BTreeMap<String, Tensor>,
    /// For each operator the values that nothing reads after it.
    over: Vec<Vec<String>>,
}

/// What a file gives for a batch.
#[derive(Debug)]
pub struct Outputs {
    /// `[N, classes]`, float32.
    pub logits: Tensor,
    /// `[N, classes]`, float32.
    pub probabilities: Tensor,
}

impl Runtime {
    /// Reads a file from disk.
    ///
    /// # Errors
    /// When it cannot be read, or this program did not write it.
    pub fn open(path: &Path) -> Result<Self, ExportError> {
        let bytes = std::fs::read(path).map_err(files::Error::io("read", path))?;
        let mut file = onnx::read(&bytes)?;
        let constants = std::mem::take(&mut file.constants).into_iter();
        let constants = constants.map(|(name, constant)| Ok((name, tensor(&constant)?)));
        let constants = constants.collect::<Result<_, ExportError>>()?;
        let over = over(&file);
        Ok(Self { file, constants, over })
    }

    /// Returns the metadata by key.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.file.metadata
    }

    /// Runs the file on its input.
    ///
    /// # Errors
    /// [`ExportError::Operator`] when an operator is not known or cannot read what it is given.
    pub fn run(&self, input: Tensor) -> Result<Outputs, ExportError> {
        let mut values = BTreeMap::from([(self.file.input.clone(), input)]);
        for (operator, over) in self.file.operators.iter().zip(&self.over) {
            let failed = |what: String| ExportError::Operator { name: operator.output.clone(), what };
            let value = |name: &String| {
                let value = values.get(name).or_else(|| self.constants.get(name));
                value.ok_or_else(|| failed(format!("{name} is not there")))
            };
            let inputs = operator.inputs.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            let result = operators::compute(operator, &inputs).map_err(failed)?;
            values.insert(operator.output.clone(), result);
            for name in over {
                values.remove(name);
            }
        }
        let mut take = |name: &str| {
            let missing = || ExportError::Operator { name: name.to_owned(), what: "is not there".to_owned() };
            values.remove(name).ok_or_else(missing)
        };
        Ok(Outputs { logits: take("logits")?, probabilities: take("probabilities")? })
    }
}

/// Values that are read for the last time, by operator.
fn over(file: &File) -> Vec<Vec<String>> {
    let mut last = BTreeMap::new();
    for (place, operator) in file.operators.iter().enumerate() {
        last.extend(operator.inputs.iter().map(|name| (name.clone(), place)));
    }
    let mut over = vec![Vec::new(); file.operators.len()];
    for (name, place) in last {
        if !file.outputs.contains(&name) {
            over[place].push(name);
        }
    }
    over
}
