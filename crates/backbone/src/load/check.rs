//! What a checkpoint that has the right names may still not hold.

use checkpoint::{Array, Checkpoint};

use super::{LoadError, LoadReport};
use crate::variables::Variable;

/// Refuses values that are no numbers: whatever is computed from them is none either.
pub(super) fn check_finite(checkpoint: &Checkpoint, matched: &[(Variable, &Array)]) -> Result<(), LoadError> {
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
pub(super) fn check_types(checkpoint: &Checkpoint, matched: &[(Variable, &Array)]) -> Result<(), LoadError> {
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
pub(super) fn check_read(checkpoint: &Checkpoint, report: &LoadReport) -> Result<(), LoadError> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use checkpoint::Dtype;
    use tch::{Kind, Tensor};

    use super::*;
    use crate::variables::Role;

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
            tensor: Tensor::zeros(
                [array.shape.iter().product::<usize>() as i64],
                (Kind::Float, tch::Device::Cpu),
            ),
            role: Role::Buffer,
        };
        let checkpoint = Checkpoint {
            path: PathBuf::from("my.pth"),
            format: checkpoint::Format::TorchZip,
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
