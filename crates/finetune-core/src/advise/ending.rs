use records::{AdviceRecord, FrozenArm};
use run_config::{HeadSolver, Run, SettingConfig};

/// Where a frozen network ends, as the keys of a configuration; nothing where it is whole.
#[derive(Default)]
pub(super) struct EarlierEnd {
    /// `finetune.cut`: the stage that it ends after.
    pub(super) cut: Option<String>,
    /// `finetune.taps`: the stages that the head reads, where they are several.
    pub(super) taps: Vec<String>,
    /// `finetune.head_solver`.
    pub(super) head_solver: Option<String>,
}

/// How the head of such a network is computed: as the arm was. An optimizer takes far longer on features of early stages, which
/// are small.
const SOLVER: HeadSolver = HeadSolver::Ridge;

impl EarlierEnd {
    /// Returns the end of an arm; `None` where the configuration names one already, or does not go with this one: images that
    /// are augmented have no computed head.
    pub(super) fn of(run: &Run, arm: &FrozenArm) -> Option<Self> {
        let finetune = &run.config.finetune;
        let is_open = finetune.cut.is_none() && finetune.taps.is_empty();
        let head_solver = Some("ridge".to_owned());
        let end = match &arm.stages[..] {
            [only] => Self { cut: Some(only.clone()), taps: Vec::new(), head_solver },
            several => Self { cut: None, taps: several.to_vec(), head_solver },
        };
        let change = match &end.cut {
            Some(cut) => format!("finetune.cut={cut:?}"),
            None => format!("finetune.taps={:?}", end.taps),
        };
        let set = ["finetune.depth=head", "finetune.head_solver=ridge", &change].map(str::to_owned).to_vec();
        let setting = SettingConfig { name: "auto".to_owned(), set };
        (is_open && run.with_overrides(&setting).is_ok()).then_some(end)
    }
}

/// Ends the network of a run where the advice says.
pub(super) fn follow(run: &mut Run, advice: &AdviceRecord) {
    if advice.cut.is_some() || !advice.taps.is_empty() {
        let finetune = &mut run.config.finetune;
        finetune.cut.clone_from(&advice.cut);
        finetune.taps.clone_from(&advice.taps);
        finetune.head_solver = SOLVER;
    }
}
