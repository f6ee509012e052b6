//! Values that make no sense together or as names. Ranges of numbers are in the types.

use std::path::{Component, Path};

use pretrained::PartialInput;

use super::{CompareConfig, Config, ConfigError, DataConfig, Metric, Source, slug};

/// A key whose value makes no sense, and what to do.
struct Mistake {
    key: &'static str,
    message: &'static str,
}

/// Refuses what makes no sense, before anything is loaded.
pub(crate) fn check(config: &Config, source: &Source) -> Result<(), ConfigError> {
    let Config { data, run, compare, .. } = config;
    let name = Mistake { key: "run.name", message: "must be the name of one folder; --out takes a path" };
    let mistake = of_data(data)
        .or_else(|| (!run.name.as_deref().is_none_or(is_plain)).then_some(name))
        .or_else(|| compare.as_ref().and_then(|compare| of_comparison(compare, data)));
    match mistake {
        None => Ok(()),
        Some(Mistake { key, message }) => Err(source.wrong(key, message)),
    }
}

fn of_data(data: &DataConfig) -> Option<Mistake> {
    let named = [&data.root, &data.list].into_iter().flatten().any(|path| !path.as_os_str().is_empty());
    first_mistake([
        ("data.root", named, "give the folder with the images here, or a list of them as data.list"),
        (
            "data.fold",
            data.fold.is_none() || data.folds.is_some(),
            "is one of data.folds; give their number too",
        ),
        (
            "data.fold",
            data.fold.zip(data.folds).is_none_or(|(fold, folds)| fold.get() <= folds.get()),
            "is counted from 1 to data.folds",
        ),
        (
            "data.input",
            data.input.as_ref().is_none_or(goes_together),
            "resize and crop stand together where fit is \"crop\": give both",
        ),
    ])
}

fn of_comparison(compare: &CompareConfig, data: &DataConfig) -> Option<Mistake> {
    let CompareConfig { images_per_class, methods, seeds, judge_on, judge_by, .. } = compare;
    first_mistake([
        (
            "data.fold",
            data.fold.is_none(),
            "a comparison runs every fold; leave this out, data.folds is enough",
        ),
        ("compare.seeds", !seeds.is_empty(), "name at least one seed"),
        ("compare.seeds", all_differ(seeds), "a seed is named twice"),
        ("compare.methods", all_differ(methods), "a method is named twice"),
        ("compare.images_per_class", all_differ(images_per_class), "a number is named twice"),
        ("compare.methods", !methods.is_empty(), "name at least one method"),
        (
            "compare.variant",
            all_differ(&folder_names(compare)),
            "two variants have the same name, or names that differ only in signs",
        ),
        (
            "compare.setting",
            all_differ(&setting_folders(compare)),
            "two settings have the same name, or names that differ only in signs",
        ),
        (
            "compare.judge_on",
            judge_on.as_ref().is_none_or(|group| data.groups.contains_key(group)),
            "must be the name of a group in [data.groups]",
        ),
        (
            "compare.judge_by",
            judge_on.is_none() || *judge_by == Metric::Accuracy,
            "goes with all classes; a group (compare.judge_on) is judged by accuracy alone",
        ),
    ])
}

/// The first of some keys, each with whether its value makes sense and what to say when it does not, that does not.
fn first_mistake<const N: usize>(checks: [(&'static str, bool, &'static str); N]) -> Option<Mistake> {
    let (key, _, message) = checks.into_iter().find(|&(_, fine, _)| !fine)?;
    Some(Mistake { key, message })
}

/// Whether `resize` and `crop` are given together: the weights' `resize` does not go with another `crop`.
fn goes_together(input: &PartialInput) -> bool {
    let whole = input.fit.is_some_and(|fit| !fit.is_crop());
    whole || input.resize.is_some() == input.crop.is_some()
}

/// Whether a name is that of one folder: no path, and not `..`.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

/// What the variants' names become in the names of folders.
fn folder_names(compare: &CompareConfig) -> Vec<String> {
    compare.variants.iter().map(|variant| slug(&variant.name)).collect()
}

/// What the settings' names become in the names of folders.
fn setting_folders(compare: &CompareConfig) -> Vec<String> {
    compare.settings.iter().map(|setting| slug(&setting.name)).collect()
}

fn all_differ<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().all(|(place, value)| !values[..place].contains(value))
}
