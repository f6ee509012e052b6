use predictions::Predictions;
use records::wording::{percent, points};
use records::{Amount, CellRecord, DivergedRecord, EffectRecord};
use statistics::bootstrap::{self, Pair};
use statistics::{distinct, mean};

use crate::judge::{self, Figure, Judge, recorded};

/// The runs of a comparison, ordered by what is compared: settings within a variant and an amount of data.
#[derive(Clone, Debug)]
pub struct Effects<'a> {
    groups: Vec<Group<'a>>,
}

/// Runs with the same variant and the same amount of data.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// As in [`CellRecord::variant`].
    pub variant: &'a str,
    /// Training images of each class.
    pub amount: Amount,
    /// What settings are compared by; `None` for accuracy.
    figure: Option<Figure>,
    settings: Vec<Setting<'a>>,
}

#[derive(Clone, Debug)]
struct Setting<'a> {
    name: &'a str,
    runs: Vec<Run<'a>>,
}

/// One run, measured on the classes that the comparison is judged on.
#[derive(Clone, Copy, Debug)]
struct Run<'a> {
    seed: u64,
    /// Accuracy, or another figure.
    value: f64,
    /// A character for each image, `1` where the prediction was correct; empty in older records.
    answers: &'a str,
    /// Where it is compared by another figure.
    predictions: Option<&'a Predictions>,
}

/// Difference of accuracy, or of another figure, between a setting and a baseline, over pairs of runs with the same seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect<'a> {
    /// As in [`CellRecord::variant`].
    pub variant: &'a str,
    /// Training images of each class.
    pub amount: Amount,
    /// As in [`CellRecord::method`].
    pub setting: &'a str,
    /// What it is compared with.
    pub baseline: &'a str,
    /// What is compared; `None` for accuracy.
    pub figure: Option<Figure>,
    /// Mean figure of the setting less that of the baseline; finite.
    pub mean: f64,
    /// 95% confidence interval of it, from a paired bootstrap over seeds and images; `None` where the answers to the images
    /// are not recorded.
    pub interval: Option<records::Interval>,
    /// Number of pairs, at least 1.
    pub seeds: usize,
}

/// What an interval allows to conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The interval lies above zero.
    Better,
    /// The interval lies below zero.
    Worse,
    /// The interval contains zero, or there is none.
    Unclear,
}

impl<'a> Effects<'a> {
    /// Runs judged on a group of classes, or on all where `judged_on` is `None`. Groups and settings come in the order in
    /// which they occur first.
    #[must_use]
    pub fn of(cells: &'a [CellRecord], judged_on: Option<&str>, by: Judge<'a>) -> Self {
        Self::with(cells.iter().enumerate().collect(), judged_on, by)
    }

    /// The same without the settings of which a run diverged: the mean of the seeds that are left would flatter them.
    #[must_use]
    pub fn of_sound(
        cells: &'a [CellRecord],
        diverged: &[DivergedRecord],
        judged_on: Option<&str>,
        by: Judge<'a>,
    ) -> Self {
        let sound = |(_, cell): &(usize, &CellRecord)| {
            !diverged.iter().any(|run| {
                run.variant == cell.variant
                    && run.images_per_class == cell.images_per_class
                    && run.method == cell.method
            })
        };
        Self::with(cells.iter().enumerate().filter(sound).collect(), judged_on, by)
    }

    /// Of runs with their places among all.
    fn with(cells: Vec<(usize, &'a CellRecord)>, judged_on: Option<&str>, by: Judge<'a>) -> Self {
        let shared = |(_, cell): &(usize, &'a CellRecord)| (cell.variant.as_str(), cell.images_per_class);
        let figure = match by {
            Judge::Accuracy => None,
            Judge::Figure { figure, .. } => Some(figure),
        };
        let group = |(variant, images_per_class)| {
            let here = || cells.iter().filter(move |cell| shared(cell) == (variant, images_per_class));
            let setting = |name| Setting {
                name,
                runs: here()
                    .filter(|(_, cell)| cell.method == name)
                    .map(|&(place, cell)| Run::of(cell, judged_on, by, place))
                    .collect(),
            };
            let settings = distinct(here().map(|(_, cell)| cell.method.as_str())).into_iter().map(setting);
            Group { variant, amount: Amount(images_per_class), figure, settings: settings.collect() }
        };
        Self { groups: distinct(cells.iter().map(shared)).into_iter().map(group).collect() }
    }

    /// Every variant with its groups.
    #[must_use]
    pub fn by_variant(&self) -> Vec<Vec<&Group<'a>>> {
        let variants = distinct(self.groups.iter().map(|group| group.variant));
        let of = |variant| self.groups.iter().filter(|group| group.variant == variant).collect();
        variants.into_iter().map(of).collect()
    }

    /// Every other setting against the baseline, with each variant and amount of data in which both have runs of a seed.
    #[must_use]
    pub fn against(&self, baseline: &'a str) -> Vec<Effect<'a>> {
        let of_group = |group: &Group<'a>| {
            let others = group.settings().filter(|&name| name != baseline);
            others.filter_map(|name| group.effect(name, baseline)).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(of_group).collect()
    }
}

impl<'a> Group<'a> {
    /// Names of the settings, in the order in which they occur first.
    pub fn settings(&self) -> impl Iterator<Item = &'a str> {
        self.settings.iter().map(|setting| setting.name)
    }

    /// Mean accuracy, or other figure, of a setting over its seeds; `NaN` without runs.
    #[must_use]
    pub fn value(&self, setting: &str) -> f64 {
        mean(&self.runs(setting).iter().map(|run| run.value).collect::<Vec<_>>())
    }

    /// 95% confidence interval of [`Group::value`]; `None` where the answers to the images are not recorded.
    #[must_use]
    pub fn interval(&self, setting: &str) -> Option<records::Interval> {
        if let Some(figure) = self.figure {
            let known: Option<Vec<&Predictions>> =
                self.runs(setting).iter().map(|run| run.predictions).collect();
            return judge::interval(figure, &known?);
        }
        let answers: Vec<&str> = self.runs(setting).iter().map(|run| run.answers).collect();
        bootstrap::accuracy(&answers).map(recorded)
    }

    /// The setting with the best mean, of equal ones the first; `None` where no mean is finite.
    #[must_use]
    pub fn best(&self) -> Option<&'a str> {
        let sign = if self.figure.is_some_and(Figure::falls) { -1.0 } else { 1.0 };
        let means = self.settings().map(|name| (name, sign * self.value(name)));
        let known = means.filter(|(_, mean)| mean.is_finite());
        known.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(name, _)| name)
    }

    /// What settings are compared by, in a sentence: `highest mean accuracy`.
    #[must_use]
    pub fn best_in_words(&self) -> String {
        let name = self.figure.map_or("accuracy", Figure::name);
        let extreme = if self.figure.is_some_and(Figure::falls) { "lowest" } else { "highest" };
        format!("{extreme} mean {name}")
    }

    /// A value in words.
    #[must_use]
    pub fn in_words(&self, value: f64) -> String {
        self.figure.map_or_else(|| percent(value), |figure| figure.value(value))
    }

    /// Difference between a setting and a baseline; `None` where they have no measured runs of a common seed.
    #[must_use]
    pub fn effect(&self, setting: &'a str, baseline: &'a str) -> Option<Effect<'a>> {
        let others = self.runs(baseline);
        let (mut differences, mut pairs, mut predicted) = (Vec::new(), Vec::new(), Vec::new());
        for run in self.runs(setting) {
            let Some(other) = others.iter().find(|other| other.seed == run.seed) else { continue };
            let difference = run.value - other.value;
            if difference.is_finite() {
                differences.push(difference);
                pairs.push(Pair { setting: run.answers, baseline: other.answers });
                let both = run.predictions.zip(other.predictions);
                predicted.extend(both.map(|(setting, baseline)| judge::Pair { setting, baseline }));
            }
        }
        let interval = || match self.figure {
            None => bootstrap::difference(&pairs).map(recorded),
            Some(figure) => judge::difference(figure, &predicted),
        };
        (!differences.is_empty()).then(|| Effect {
            variant: self.variant,
            amount: self.amount,
            setting,
            baseline,
            figure: self.figure,
            mean: mean(&differences),
            interval: interval(),
            seeds: differences.len(),
        })
    }

    fn runs(&self, setting: &str) -> &[Run<'a>] {
        self.settings.iter().find(|known| known.name == setting).map_or(&[], |known| &known.runs)
    }
}

impl<'a> Run<'a> {
    fn of(cell: &'a CellRecord, judged_on: Option<&str>, by: Judge<'a>, place: usize) -> Self {
        if let Judge::Figure { figure, predictions } = by {
            let predictions = predictions.get(place);
            let value = predictions.map_or(f64::NAN, |known| {
                let places: Vec<usize> = (0..known.images.len()).collect();
                figure.of(&known.images, known.classes.len(), &places)
            });
            return Self { seed: cell.seed, value, answers: "", predictions };
        }
        let (value, answers) = match judged_on {
            None => (cell.accuracy, cell.answers.as_str()),
            Some(group) => (
                cell.groups.get(group).copied().unwrap_or(f64::NAN),
                cell.group_answers.get(group).map_or("", String::as_str),
            ),
        };
        Self { seed: cell.seed, value, answers, predictions: None }
    }
}

impl Effect<'_> {
    /// What its interval allows to conclude.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        let falls = self.figure.is_some_and(Figure::falls);
        match self.interval {
            Some(interval) if interval.low > 0.0 => {
                if falls {
                    Conclusion::Worse
                } else {
                    Conclusion::Better
                }
            }
            Some(interval) if interval.high < 0.0 => {
                if falls {
                    Conclusion::Better
                } else {
                    Conclusion::Worse
                }
            }
            _ => Conclusion::Unclear,
        }
    }

    /// How much better it is, in the units of the figure: above 0 where the setting is better.
    #[must_use]
    pub fn gain(&self) -> f64 {
        if self.figure.is_some_and(Figure::falls) { -self.mean } else { self.mean }
    }

    /// A difference in words, without its unit: `+6.2`.
    #[must_use]
    pub fn difference(&self, difference: f64) -> String {
        self.figure.map_or_else(|| points(difference), |figure| figure.difference(difference))
    }

    /// Its unit: `points`, or that of another figure with its name.
    #[must_use]
    pub fn unit(&self) -> String {
        self.figure
            .map_or_else(|| "points".to_owned(), |figure| format!("{} of {}", figure.unit(), figure.name()))
    }

    /// As the record of a comparison holds it.
    #[must_use]
    pub fn record(&self) -> EffectRecord {
        EffectRecord {
            variant: self.variant.to_owned(),
            images_per_class: self.amount.0,
            method: self.setting.to_owned(),
            baseline: self.baseline.to_owned(),
            difference: self.mean,
            metric: self.figure.map_or_else(String::new, |figure| figure.name().to_owned()),
            interval: self.interval,
            seeds: u32::try_from(self.seeds).unwrap_or(u32::MAX),
        }
    }
}
