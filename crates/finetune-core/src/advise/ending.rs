use records::{AdviceRecord, FrozenArm};
use run_config::{Run, SettingConfig};

/// Where a frozen network ends, as the keys of a configuration; nothing where it is whole.
#[derive(Default)]
pub(super) struct EarlierEnd {
    /// `finetune.cut`: the stage that it ends after.
    pub(super) cut: Option<String>,
    /// `finetune.taps`: the stages that the head reads, where they are several.
    pub(super) taps: Vec<String>,
}

impl EarlierEnd {
    /// Returns the end of an arm; `None` where the configuration names one already, or does not go with this one.
    pub(super) fn of(run: &Run, arm: &FrozenArm) -> Option<Self> {
        let finetune = &run.config.finetune;
        let is_open = finetune.cut.is_none() && finetune.taps.is_empty();
        let end = match &arm.stages[..] {
            [only] => Self { cut: Some(only.clone()), taps: Vec::new() },
            several => Self { cut: None, taps: several.to_vec() },
        };
        let change = match &end.cut {
            Some(cut) => format!("finetune.cut={cut:?}"),
            None => format!("finetune.taps={:?}", end.taps),
        };
        let setting =
            SettingConfig { name: "auto".to_owned(), set: vec!["finetune.depth=head".to_owned(), change] };
        (is_open && run.with_overrides(&setting).is_ok()).then_some(end)
    }
}

/// Ends the network of a run where the advice says.
pub(super) fn follow(run: &mut Run, advice: &AdviceRecord) {
    if advice.cut.is_some() || !advice.taps.is_empty() {
        run.config.finetune.cut.clone_from(&advice.cut);
        run.config.finetune.taps.clone_from(&advice.taps);
    }
}
