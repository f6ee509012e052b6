mod check;
mod error;

use std::collections::BTreeMap;

use checkpoint::{Array, Checkpoint, Dtype};
use tch::{Kind, Tensor};

use self::check::{check_finite, check_read, check_types};
pub use self::error::LoadError;
use crate::network::Backbone;
use crate::stage::StageId;
use crate::variables::{Variable, lies_below, owns};

/// A tensor whose shape in the file is not the network's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongShape {
    /// Its name.
    pub name: String,
    /// Shape in the file.
    pub file: Vec<i64>,
    /// Shape in the network.
    pub network: Vec<i64>,
}

/// What became of every tensor of a checkpoint and of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Taken over, in the network's order.
    pub loaded: Vec<String>,
    /// In the network, not in the file: they keep their initial values.
    pub missing: Vec<String>,
    /// In the file, not in the network.
    pub unused: Vec<String>,
    /// In both, in different shapes: they keep their initial values.
    pub wrong_shape: Vec<WrongShape>,
    /// Taken over in another shape ([`Refit`](crate::Refit)); among the loaded ones, too.
    pub refitted: Vec<WrongShape>,
}

impl LoadReport {
    /// Summarises what differs: counts and the first names.
    #[must_use]
    pub fn differences(&self) -> String {
        let wrong: Vec<String> = self
            .wrong_shape
            .iter()
            .map(|wrong| {
                format!(
                    "{} is {:?} in the file and {:?} in the network",
                    wrong.name, wrong.file, wrong.network
                )
            })
            .collect();
        if self.missing.is_empty() && self.unused.is_empty() && !wrong.is_empty() {
            let shown = wrong.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if wrong.len() > 3 { ", ..." } else { "" };
            let all = self.loaded.len() + wrong.len();
            return format!(
                "all {all} names are the network's, but {} of another shape ({shown}{more})",
                wrong.len()
            );
        }
        let parts = [
            ("missing", &self.missing),
            ("of the wrong shape", &wrong),
            ("not in this network", &self.unused),
        ];
        let differences = parts.into_iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| {
            let first = names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if names.len() > 3 { ", ..." } else { "" };
            format!("{} {} ({first}{more})", names.len(), what)
        });
        differences.collect::<Vec<_>>().join(", ")
    }
}

/// The account of a checkpoint, and the variables that it has values for.
type Matched<'a> = (LoadReport, Vec<(Variable, &'a Array)>);

impl Backbone {
    /// Takes over a checkpoint's tensors by name. Only the head may be missing, or of another number of classes,
    /// because it will be replaced; so may `num_batches_tracked`, which files from before 2018 lack, and constants. The file may
    /// have auxiliary heads that this network was built without. It may also hold the features only, nothing at all of
    /// the classifier that the head ends (`classifier` in AlexNet and VGG): then [`Backbone::first_new`] says so. What it
    /// lacks of a network that had no values yet ([`Values::Awaited`](crate::Values)) is drawn.
    ///
    /// # Errors
    /// [`LoadError::OtherNetwork`] when anything else differs, [`LoadError::NotFinite`] when a value is no number, with
    /// nothing taken over.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<LoadReport, LoadError> {
        let (report, matched) = self.fitting(checkpoint)?;
        self.forget_preparation(StageId::INPUT);
        self.take_over(checkpoint, matched)?;
        Ok(report)
    }

    /// What [`Backbone::load`] would find, [`Backbone::first_new`] included, with no value taken over: for a network in
    /// outline.
    ///
    /// # Errors
    /// As [`Backbone::load`].
    pub fn fit(&mut self, checkpoint: &Checkpoint) -> Result<LoadReport, LoadError> {
        let (report, matched) = self.fitting(checkpoint)?;
        for (Variable { name, .. }, array) in matched {
            kind_of(checkpoint, &name, array)?;
        }
        Ok(report)
    }

    /// The account of a checkpoint that fits but for its head, and the variables that it has values for.
    fn fitting<'a>(&mut self, checkpoint: &'a Checkpoint) -> Result<Matched<'a>, LoadError> {
        let (report, matched) = self.matched(checkpoint);
        let classifier = self.classifier();
        let lacks_it = self
            .ids()
            .filter(|&id| id >= classifier)
            .flat_map(|id| self.parameters(id))
            .all(|variable| report.missing.contains(&variable.name));
        let first_new = if lacks_it { classifier } else { self.head_id() };
        check_types(checkpoint, &matched)?;
        if !self.differs_only_from(first_new, &report) {
            check_read(checkpoint, &report)?;
            return Err(LoadError::OtherNetwork {
                path: checkpoint.path.clone(),
                arch: self.arch().to_owned(),
                report: Box::new(report),
            });
        }
        check_finite(checkpoint, &matched)?;
        self.set_first_new(first_new);
        Ok((report, matched))
    }

    /// Takes over a checkpoint's tensors by name, every one that the network has: the head must be the file's too. Only
    /// `num_batches_tracked`, which nothing is computed from, and constants may be missing. The file may have auxiliary heads that this
    /// network was built without.
    ///
    /// # Errors
    /// [`LoadError::Incomplete`] when anything else differs, with nothing taken over.
    pub fn load_whole(&mut self, checkpoint: &Checkpoint) -> Result<LoadReport, LoadError> {
        let (report, matched) = self.matched(checkpoint);
        let left_out = |name: &String| self.left_out().iter().any(|root| lies_below(root, name));
        check_types(checkpoint, &matched)?;
        if !report.missing.iter().all(|name| is_counter(name))
            || !report.wrong_shape.is_empty()
            || !report.unused.iter().all(left_out)
        {
            check_read(checkpoint, &report)?;
            return Err(LoadError::Incomplete {
                path: checkpoint.path.clone(),
                arch: self.arch().to_owned(),
                report: Box::new(report),
            });
        }
        check_finite(checkpoint, &matched)?;
        self.forget_preparation(StageId::INPUT);
        self.take_over(checkpoint, matched)?;
        Ok(report)
    }

    /// What [`Backbone::load`] would find, with nothing taken over.
    #[must_use]
    pub fn compare(&self, checkpoint: &Checkpoint) -> LoadReport {
        self.matched(checkpoint).0
    }

    /// Draws random values for whatever holds none yet, because no checkpoint is loaded.
    pub fn draw_awaited(&mut self) {
        self.variables().draw_awaited();
    }

    /// Copies values from a checkpoint, and draws what held none before and is not in it.
    fn take_over(
        &mut self,
        checkpoint: &Checkpoint,
        matched: Vec<(Variable, &Array)>,
    ) -> Result<(), LoadError> {
        for (variable, array) in matched {
            let kind = kind_of(checkpoint, &variable.name, array)?;
            let values = Tensor::f_from_data_size(&array.data, &shape(array), kind);
            let size = variable.tensor.size();
            let refit = self.variables().refit(&variable.name).filter(|_| shape(array) != size);
            let values = values.map(|values| match refit {
                Some(refit) => tch::no_grad(|| (refit.refit)(&values.to_kind(Kind::Float), &size)),
                None => values,
            });
            if let Err(source) = values.and_then(|values| self.variables().set(&variable, &values)) {
                return Err(LoadError::Tensor { path: checkpoint.path.clone(), name: variable.name, source });
            }
        }
        self.draw_awaited();
        Ok(())
    }

    /// The account of a checkpoint, and the variables that it has values for.
    fn matched<'a>(&self, checkpoint: &'a Checkpoint) -> Matched<'a> {
        let mut unclaimed: BTreeMap<&String, &Array> = checkpoint.tensors.iter().collect();
        let mut report = LoadReport::default();
        let mut matched = Vec::new();
        for variable in self.variables().all() {
            match unclaimed.remove(&variable.name) {
                None if is_constant(&variable.name) => {}
                None => report.missing.push(variable.name),
                Some(array) => {
                    let (file, network) = (shape(array), variable.tensor.size());
                    let differs = (file != network).then(|| {
                        let refit = self.variables().refit(&variable.name);
                        let fits = refit.is_some_and(|refit| (refit.fits)(&file, &network));
                        let name = variable.name.clone();
                        (WrongShape { name, file, network }, fits)
                    });
                    match differs {
                        Some((wrong, false)) => report.wrong_shape.push(wrong),
                        refitted => {
                            report.refitted.extend(refitted.map(|(refitted, _)| refitted));
                            report.loaded.push(variable.name.clone());
                            matched.push((variable, array));
                        }
                    }
                }
            }
        }
        report.unused = unclaimed.into_keys().cloned().collect();
        (report, matched)
    }

    /// Whether what differs lies in the stages from `first_new` on, the head being the last.
    fn differs_only_from(&self, first_new: StageId, report: &LoadReport) -> bool {
        let roots: Vec<String> =
            self.ids().filter(|&id| id >= first_new).flat_map(|id| self.roots(id)).collect();
        let in_head = |name: &str| owns(&roots, name);
        let left_out = |name: &str| self.left_out().iter().any(|root| lies_below(root, name));
        report.missing.iter().all(|name| in_head(name) || is_counter(name))
            && report.wrong_shape.iter().all(|wrong| in_head(&wrong.name))
            && report.unused.iter().all(|name| in_head(name) || left_out(name))
            && !report.loaded.is_empty()
    }
}

/// Whether a tensor only counts the batches that batch-norm has seen.
fn is_counter(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}

/// Whether a tensor is the same in every network of its kind: TorchVision saves it, others do not.
fn is_constant(name: &str) -> bool {
    name.ends_with(".relative_position_index") || name.ends_with(".relative_coords_table")
}

fn shape(array: &Array) -> Vec<i64> {
    array.shape.iter().map(|&side| i64::try_from(side).unwrap_or(i64::MAX)).collect()
}

/// The array's element type, if it is one that libtorch computes with.
fn kind_of(checkpoint: &Checkpoint, name: &str, array: &Array) -> Result<Kind, LoadError> {
    Ok(match array.dtype {
        Dtype::F64 => Kind::Double,
        Dtype::F32 => Kind::Float,
        Dtype::F16 => Kind::Half,
        Dtype::Bf16 => Kind::BFloat16,
        Dtype::I64 => Kind::Int64,
        Dtype::I32 => Kind::Int,
        Dtype::I16 => Kind::Int16,
        Dtype::I8 => Kind::Int8,
        Dtype::U8 => Kind::Uint8,
        Dtype::Bool => Kind::Bool,
        found @ (Dtype::U16 | Dtype::U32 | Dtype::U64) => {
            let (path, name) = (checkpoint.path.clone(), name.to_owned());
            return Err(LoadError::ElementType { path, name, found });
        }
    })
}
