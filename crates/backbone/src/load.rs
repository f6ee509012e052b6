use std::collections::BTreeMap;
use std::path::PathBuf;

use pretrained::checkpoint::{Array, Checkpoint, Dtype, NotFinite};
use tch::{Kind, Tensor};

use crate::network::Backbone;
use crate::stage::StageId;
use crate::variables::{Variable, lies_below};

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
}

/// Why a checkpoint was not taken over. The network is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file holds another network.
    #[error("{}: these are not the weights of {arch}: {}; only the head may differ", path.display(), report.differences())]
    OtherNetwork {
        /// The checkpoint.
        path: PathBuf,
        /// The network.
        arch: String,
        /// The full account.
        report: Box<LoadReport>,
    },
    /// The file does not hold the whole network.
    #[error("{}: this is not the whole of {arch}: {}; nothing can be predicted with it", path.display(), report.differences())]
    Incomplete {
        /// The checkpoint.
        path: PathBuf,
        /// The network.
        arch: String,
        /// The full account.
        report: Box<LoadReport>,
    },
    /// A tensor that holds no numbers to compute with.
    #[error("{}: tensor {name} holds {}: the weights are spoilt, by a training that ran away or a damaged file; use an earlier checkpoint", path.display(), spoilt(*found))]
    NotFinite {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How many values are none.
        found: NotFinite,
    },
    /// A tensor of integers where the network computes with fractions.
    #[error("{}: {name} is {found}, and the network computes with floating-point numbers: are the weights quantised? save the float weights", path.display())]
    ElementType {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its element type.
        found: Dtype,
    },
    /// A tensor of the network that is in the file in a way that is not read.
    #[error("{}: tensor {name} is in the file, but {reason}", path.display())]
    Unread {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor, as the file calls it.
        name: String,
        /// Why it is not read, and what to do.
        reason: String,
    },
    /// Running variances below 0, of which no root can be taken.
    #[error("{}: {name} holds {count} negative values, and a variance cannot be negative: the weights are spoilt, by averaging or editing them or a damaged file; use an earlier checkpoint", path.display())]
    NegativeVariance {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How many values are below 0.
        count: usize,
    },
    /// libtorch refused a tensor.
    #[error("{}: tensor {name}: {source}", path.display())]
    Tensor {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// libtorch's words.
        source: tch::TchError,
    },
}

impl LoadReport {
    /// What differs, in a few words: counts and the first names.
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
        let told = parts.into_iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| {
            let first = names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if names.len() > 3 { ", ..." } else { "" };
            format!("{} {} ({first}{more})", names.len(), what)
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// The account of a checkpoint, and the variables that it has values for.
type Matched<'a> = (LoadReport, Vec<(Variable, &'a Array)>);

impl Backbone {
    /// Takes over a checkpoint's tensors by name. Only the head may be missing, or of another number of classes,
    /// because it is going to be replaced; so may `num_batches_tracked`, which files from before 2018 lack. The file may
    /// have auxiliary heads that this network was built without. It may also hold the features only, nothing at all of
    /// the classifier that the head ends (`classifier` in AlexNet and VGG): then [`Backbone::first_new`] says so.
    ///
    /// # Errors
    /// [`LoadError::OtherNetwork`] when anything else differs, [`LoadError::NotFinite`] when a value is no number, with
    /// nothing taken over.
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<LoadReport, LoadError> {
        let (report, matched) = self.fitting(checkpoint)?;
        self.forget_preparation(StageId::INPUT);
        take_over(checkpoint, matched)?;
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
    /// `num_batches_tracked` may be missing, which nothing is computed from. The file may have auxiliary heads that this
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
        take_over(checkpoint, matched)?;
        Ok(report)
    }

    /// What [`Backbone::load`] would find, with nothing taken over.
    #[must_use]
    pub fn compare(&self, checkpoint: &Checkpoint) -> LoadReport {
        self.matched(checkpoint).0
    }

    /// The account of a checkpoint, and the variables that it has values for.
    fn matched<'a>(&self, checkpoint: &'a Checkpoint) -> Matched<'a> {
        let mut unclaimed: BTreeMap<&String, &Array> = checkpoint.tensors.iter().collect();
        let mut report = LoadReport::default();
        let mut matched = Vec::new();
        for variable in self.variables().all() {
            match unclaimed.remove(&variable.name) {
                None => report.missing.push(variable.name),
                Some(array) if shape(array) != variable.tensor.size() => {
                    report.wrong_shape.push(WrongShape {
                        file: shape(array),
                        network: variable.tensor.size(),
                        name: variable.name,
                    });
                }
                Some(array) => {
                    report.loaded.push(variable.name.clone());
                    matched.push((variable, array));
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
        let in_head = |name: &str| roots.iter().any(|root| lies_below(root, name));
        let left_out = |name: &str| self.left_out().iter().any(|root| lies_below(root, name));
        report.missing.iter().all(|name| in_head(name) || is_counter(name))
            && report.wrong_shape.iter().all(|wrong| in_head(&wrong.name))
            && report.unused.iter().all(|name| in_head(name) || left_out(name))
            && !report.loaded.is_empty()
    }
}

/// Refuses values that are no numbers: whatever is computed from them is none either.
fn check_finite(checkpoint: &Checkpoint, matched: &[(Variable, &Array)]) -> Result<(), LoadError> {
    let spoilt = matched.iter().find_map(|(variable, array)| Some((variable, array.not_finite()?)));
    if let Some((variable, found)) = spoilt {
        let (path, name) = (checkpoint.path.clone(), variable.name.clone());
        return Err(LoadError::NotFinite { path, name, found });
    }
    let variances = matched.iter().filter(|(variable, _)| variable.name.ends_with(".running_var"));
    for (variable, array) in variances {
        let values = array.to_f32().unwrap_or_default();
        let count = values.iter().filter(|value| **value < 0.0).count();
        if count > 0 {
            let (path, name) = (checkpoint.path.clone(), variable.name.clone());
            return Err(LoadError::NegativeVariance { path, name, count });
        }
    }
    Ok(())
}

/// Refuses integers where the network has floating-point numbers: read as they stand, quantised weights are others.
fn check_types(checkpoint: &Checkpoint, matched: &[(Variable, &Array)]) -> Result<(), LoadError> {
    let wrong = matched
        .iter()
        .find(|(variable, array)| variable.tensor.is_floating_point() && !array.dtype.is_float());
    match wrong {
        Some((variable, array)) => {
            let (path, name) = (checkpoint.path.clone(), variable.name.clone());
            Err(LoadError::ElementType { path, name, found: array.dtype })
        }
        None => Ok(()),
    }
}

/// Names a tensor that is missing only because it cannot be read.
fn check_read(checkpoint: &Checkpoint, report: &LoadReport) -> Result<(), LoadError> {
    let is = |path: &str, name: &str| {
        path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let unread =
        report.missing.iter().find_map(|name| checkpoint.unread.iter().find(|(path, _)| is(path, name)));
    let unread = unread.cloned();
    let unread = unread.or_else(|| {
        report.missing.iter().find_map(|name| Some((name.clone(), taken_apart(name, &report.unused)?)))
    });
    match unread {
        Some((name, reason)) => Err(LoadError::Unread { path: checkpoint.path.clone(), name, reason }),
        None => Ok(()),
    }
}

/// What PyTorch's pruning and normalisations make of a weight, and the call that puts it together again.
fn taken_apart(name: &str, unused: &[String]) -> Option<String> {
    let (module, leaf) = name.rsplit_once('.').unwrap_or(("", name));
    let joint = if module.is_empty() { "" } else { "." };
    let has = |end: &str| unused.contains(&format!("{module}{joint}{end}"));
    let (what, call) = match () {
        () if has(&format!("{leaf}_mask")) => {
            ("pruned, in two parts (_orig and _mask)", "torch.nn.utils.prune.remove")
        }
        () if has(&format!("{leaf}_g")) => {
            ("in two parts (_g and _v) by weight_norm", "torch.nn.utils.remove_weight_norm")
        }
        () if has(&format!("{leaf}_orig")) => {
            ("under spectral_norm (_orig and _u)", "torch.nn.utils.remove_spectral_norm")
        }
        () if has(&format!("parametrizations.{leaf}.original"))
            || has(&format!("parametrizations.{leaf}.original0")) =>
        {
            ("parametrised", "torch.nn.utils.parametrize.remove_parametrizations")
        }
        () => return None,
    };
    Some(format!("{what}: call {call} on each such layer before saving"))
}

fn spoilt(found: NotFinite) -> String {
    let NotFinite { nan, infinite, of } = found;
    let parts = [(nan, "NaN"), (infinite, "infinite")].into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    format!("{} among its {of} values", parts.join(" and "))
}

fn take_over(checkpoint: &Checkpoint, matched: Vec<(Variable, &Array)>) -> Result<(), LoadError> {
    for (Variable { name, mut tensor, .. }, array) in matched {
        let kind = kind_of(checkpoint, &name, array)?;
        let value = Tensor::f_from_data_size(&array.data, &shape(array), kind);
        if let Err(source) = value.and_then(|value| tch::no_grad(|| tensor.f_copy_(&value))) {
            return Err(LoadError::Tensor { path: checkpoint.path.clone(), name, source });
        }
    }
    Ok(())
}

/// Whether a tensor only counts the batches that batch-norm has seen.
fn is_counter(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_that_was_taken_apart_is_known_by_its_parts() {
        for (parts, call) in [
            (&["fc1.weight_orig", "fc1.weight_mask"][..], "prune.remove"),
            (&["fc1.weight_g", "fc1.weight_v"], "remove_weight_norm"),
            (&["fc1.weight_orig", "fc1.weight_u"], "remove_spectral_norm"),
            (&["fc1.parametrizations.weight.original0"], "remove_parametrizations"),
        ] {
            let unused: Vec<String> = parts.iter().map(ToString::to_string).collect();
            assert!(taken_apart("fc1.weight", &unused).unwrap().contains(call), "{parts:?}");
        }
        assert_eq!(taken_apart("fc1.weight", &["fc2.weight_orig".to_owned()]), None);
    }

    fn checkpoint(name: &str, array: Array) -> (Checkpoint, Vec<(Variable, Array)>) {
        let variable = Variable {
            name: name.to_owned(),
            tensor: Tensor::zeros(shape(&array), (Kind::Float, tch::Device::Cpu)),
            role: crate::variables::Role::Buffer,
        };
        let checkpoint = Checkpoint {
            path: PathBuf::from("my.pth"),
            format: pretrained::Format::TorchZip,
            tensors: BTreeMap::new(),
            metadata: BTreeMap::new(),
            classes: None,
            classes_wrong: None,
            unwrapped: Default::default(),
            skipped: Vec::new(),
            unread: vec![("model.fc.weight".to_owned(), "sparse: save it with .to_dense()".to_owned())],
            sha256: String::new(),
        };
        (checkpoint, vec![(variable, array)])
    }

    #[test]
    fn integers_negative_variances_and_unread_tensors_are_refused_by_name() {
        let (file, matched) = checkpoint("fc1.weight", Array::new(vec![2], Dtype::I8, vec![1, 2]).unwrap());
        let matched: Vec<(Variable, &Array)> = matched.iter().map(|(v, a)| (v.clone(), a)).collect();
        let error = check_types(&file, &matched).unwrap_err().to_string();
        assert!(error.contains("fc1.weight is int8") && error.contains("save the float weights"), "{error}");

        let array = Array::from_f32(vec![3], &[1.0, -0.5, -0.0]).unwrap();
        let (file, matched) = checkpoint("bn1.running_var", array);
        let matched: Vec<(Variable, &Array)> = matched.iter().map(|(v, a)| (v.clone(), a)).collect();
        let error = check_finite(&file, &matched).unwrap_err().to_string();
        assert!(error.contains("bn1.running_var holds 1 negative"), "{error}");

        let report = LoadReport { missing: vec!["fc.weight".to_owned()], ..LoadReport::default() };
        let error = check_read(&file, &report).unwrap_err().to_string();
        assert!(error.contains("model.fc.weight is in the file, but sparse"), "{error}");
    }
}
