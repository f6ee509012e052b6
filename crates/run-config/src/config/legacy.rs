//! The form that configurations had before 0.2: numbers of optimizers, schedules and RandAugment in tables of their own,
//! `[train.sgd]`. They are moved to where they belong today, and a hint says the new form.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tagged::NAME;

/// A table of the old form.
struct Old {
    /// The table it lies in.
    section: &'static str,
    /// Its name.
    table: &'static str,
    /// The key of the choice that its numbers belong to.
    choice: &'static str,
    /// The choices that have these numbers.
    names: &'static [&'static str],
    /// The choice when the file names none.
    default: Option<&'static str>,
}

const OLD: [Old; 7] = [
    Old::optimizer("sgd", &["sgd"]),
    Old::optimizer("adam", &["adamw", "adam"]),
    Old::optimizer("rmsprop", &["rmsprop"]),
    Old::schedule("step", &["step"]),
    Old::schedule("one_cycle", &["one-cycle"]),
    Old::schedule("plateau", &["plateau"]),
    Old {
        section: "augment",
        table: "randaugment",
        choice: "policy",
        names: &["randaugment"],
        default: None,
    },
];

/// What was found of the old form.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What to write in its place.
    pub(super) hints: Vec<Remark>,
    /// Tables without effect, because another choice was made.
    pub(super) ineffective: Vec<Remark>,
}

/// A sentence about a key.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    /// The key.
    pub(super) key: String,
    /// What there is to say.
    pub(super) message: String,
}

/// Rewrites a document in today's form. What stays is at its place in the text.
pub(super) fn modernize(document: &mut DeTable<'_>) -> Found {
    let mut found = Found::default();
    for old in &OLD {
        if let Some(DeValue::Table(section)) = document.get_mut(old.section).map(Spanned::get_mut) {
            old.modernize(section, &mut found);
        }
    }
    found
}

/// The key of today for a dotted key of either form.
pub(super) fn key_of_today(key: &str) -> Cow<'_, str> {
    let moved = OLD.iter().find_map(|old| {
        let rest = key.strip_prefix(&format!("{}.{}", old.section, old.table))?;
        let belongs = rest.is_empty() || rest.starts_with('.');
        belongs.then(|| format!("{}.{}{rest}", old.section, old.choice))
    });
    moved.map_or(Cow::Borrowed(key), Cow::Owned)
}

/// The keys of the old form that mean the same as a dotted key of today.
pub(super) fn old_keys(key: &str) -> Vec<String> {
    let old_key = |old: &Old| {
        let number = key.strip_prefix(&format!("{}.{}.", old.section, old.choice))?;
        Some(format!("{}.{}.{number}", old.section, old.table))
    };
    OLD.iter().filter_map(old_key).collect()
}

/// Whether a dotted key is that of a choice, `train.optimizer`.
pub(super) fn is_choice(key: &str) -> bool {
    OLD.iter().any(|old| key == format!("{}.{}", old.section, old.choice))
}

/// The choice of a dotted key that the file does not name.
pub(super) fn usual_choice(key: &str) -> Option<&'static str> {
    OLD.iter().find(|old| key == format!("{}.{}", old.section, old.choice))?.default
}

/// The hint for an assignment `KEY=VALUE` of the old form.
pub(super) fn hint(assignment: &str) -> Option<String> {
    let (key, value) = assignment.split_once('=')?;
    match key_of_today(key.trim()) {
        Cow::Owned(today) => Some(format!("this is the form of before 0.2; write {today}={value}")),
        Cow::Borrowed(_) => None,
    }
}

impl Old {
    const fn optimizer(table: &'static str, names: &'static [&'static str]) -> Self {
        Self { section: "train", table, choice: "optimizer", names, default: Some("adamw") }
    }

    const fn schedule(table: &'static str, names: &'static [&'static str]) -> Self {
        Self { section: "train", table, choice: "schedule", names, default: Some("cosine") }
    }

    fn modernize(&self, section: &mut DeTable<'_>, found: &mut Found) {
        // Anything but a table is refused where the section is read, as an unknown key.
        let is_table = section.get(self.table).is_some_and(|old| old.get_ref().is_table());
        let Some(old) = is_table.then(|| section.remove(self.table)).flatten() else { return };
        let table_span = old.span();
        let DeValue::Table(numbers) = old.into_inner() else { return };
        let key = format!("{}.{}", self.section, self.table);
        let chosen = section.get(self.choice).map(|choice| match choice.get_ref() {
            DeValue::String(name) => Some(name.to_string()),
            DeValue::Table(table) => {
                table.get(NAME).and_then(|name| Some(name.get_ref().as_str()?.to_owned()))
            }
            _ => None,
        });
        let chosen = chosen.unwrap_or(self.default.map(str::to_owned));
        let Some(name) = chosen.as_deref().filter(|name| self.names.contains(name)) else {
            let message = match &chosen {
                Some(other) => format!(
                    "has no effect with {}.{} = {other:?}; remove it, or choose what it belongs to",
                    self.section, self.choice
                ),
                None => format!(
                    "has no effect without {}.{} = {:?}; remove it, or choose that",
                    self.section, self.choice, self.names[0]
                ),
            };
            found.ineffective.push(Remark { key, message });
            return;
        };
        let written: Vec<String> =
            numbers.iter().map(|(key, value)| format!(", {} = {}", key.get_ref(), shown(value))).collect();
        let message = format!(
            "[{key}] is the form of before 0.2; write {} = {{ {NAME} = {name:?}{} }}",
            self.choice,
            written.concat()
        );
        found.hints.push(Remark { key, message });
        // A mistake in one of the numbers is looked for from here on.
        let span = numbers.values().next().map_or(table_span, Spanned::span);
        let name = Spanned::new(span.clone(), DeValue::String(name.to_owned().into()));
        let mut table = match section.remove(self.choice).map(Spanned::into_inner) {
            Some(DeValue::Table(table)) => table,
            _ => DeTable::new(),
        };
        table.insert(Spanned::new(span.clone(), NAME.into()), name);
        for (key, value) in numbers {
            table.insert(key, value);
        }
        section.insert(
            Spanned::new(span.clone(), self.choice.into()),
            Spanned::new(span, DeValue::Table(table)),
        );
    }
}

/// A number as it is written.
fn shown(value: &Spanned<DeValue<'_>>) -> String {
    match value.get_ref() {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Array(numbers) => {
            format!("[{}]", numbers.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        _ => "...".to_owned(),
    }
}
