//! Sizes of the experiment: the full one, and a quick trial.

/// How large the experiment is.
pub(super) struct Plan {
    /// Ends the names of data folders and weights, so that a quick trial and the full one do not mix.
    pub(super) suffix: &'static str,
    /// Training images of each Latin letter.
    pub(super) latin_per_class: u32,
    /// Training images of each Cyrillic letter to choose from.
    pub(super) cyrillic_per_class: u32,
    /// Validation images of each letter; every epoch measures all of them, so they are few.
    pub(super) validation_per_class: u32,
    pub(super) source_epochs: u32,
    pub(super) head_epochs: u32,
    pub(super) target_epochs: u32,
    pub(super) target_steps: u32,
    pub(super) images_per_class: &'static [u32],
    pub(super) seeds: &'static [u64],
}

impl Plan {
    pub(super) fn full() -> Self {
        Self {
            suffix: "",
            latin_per_class: 400,
            cyrillic_per_class: 120,
            validation_per_class: 2,
            source_epochs: 12,
            head_epochs: 120,
            target_epochs: 25,
            target_steps: 300,
            images_per_class: &[1, 3, 5, 10, 30],
            seeds: &[0, 1, 2],
        }
    }

    pub(super) fn quick() -> Self {
        Self {
            suffix: "-quick",
            latin_per_class: 60,
            cyrillic_per_class: 20,
            validation_per_class: 2,
            source_epochs: 2,
            head_epochs: 8,
            target_epochs: 4,
            target_steps: 20,
            images_per_class: &[1, 5],
            seeds: &[0, 1],
        }
    }
}
