use records::{Depth, StepName};
use run_config::{HeadPolicy, Run};

/// What a step of the recipe is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Build the network; load these weights, or start at random.
    Load(Option<String>),
    /// Freeze what lies before this depth.
    Freeze(Depth),
    /// Put a fresh head for the new classes.
    ReplaceHead,
    /// Leave the source's head where it is.
    KeepHead,
    /// Train the live stages for so many epochs.
    Train(u32),
    /// Nothing, and why.
    Nothing(&'static str),
}

/// A step of the recipe with what it is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// Which step.
    pub name: StepName,
    /// What it does.
    pub action: Action,
}

/// The five steps of a run. Pure: nothing is read, built or trained.
#[must_use]
pub fn plan(run: &Run) -> [PlannedStep; 5] {
    let epochs = run.config.train.epochs.get();
    let head_epochs = run.config.finetune.head_epochs;
    let source = match run.depth() {
        Depth::Scratch => None,
        _ => run.weights.as_ref().map(|weights| weights.label.clone()),
    };
    let (train_head, fine_tune) = match run.depth() {
        Depth::Head => {
            (Action::Train(epochs), Action::Nothing("the depth is \"head\": nothing else is thawed"))
        }
        Depth::Scratch => {
            (Action::Nothing("from scratch there are no features to train a head on"), Action::Train(epochs))
        }
        _ if head_epochs == 0 => (Action::Nothing("finetune.head_epochs is 0"), Action::Train(epochs)),
        _ => (Action::Train(head_epochs), Action::Train(epochs)),
    };
    let head = match run.config.finetune.head {
        HeadPolicy::New => Action::ReplaceHead,
        HeadPolicy::Keep => Action::KeepHead,
    };
    let actions = [Action::Load(source), Action::Freeze(run.depth().clone()), head, train_head, fine_tune];
    let mut actions = actions.into_iter();
    StepName::ALL.map(|name| PlannedStep { name, action: actions.next().unwrap_or(Action::Nothing("")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use run_config as config;
    use run_config::resolve;

    fn planned(depth: &str) -> [Action; 5] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        let text = format!(
            "[data]\nroot = \"d\"\n[model]\narch = \"resnet18\"\nweights = \"IMAGENET1K_V1\"\n\
             [finetune]\ndepth = \"{depth}\"\nhead_epochs = 2\n[train]\nepochs = 7\n[run]\ndevice = \"cpu\"\n"
        );
        std::fs::write(&path, text).unwrap();
        let (config, source) = config::read(&path, &[]).unwrap();
        plan(&resolve(config, source).unwrap()).map(|step| step.action)
    }

    #[test]
    fn the_main_training_goes_where_the_depth_says() {
        assert!(matches!(
            planned("head"),
            [Action::Load(Some(_)), _, _, Action::Train(7), Action::Nothing(_)]
        ));
        assert!(matches!(
            planned("last:1"),
            [Action::Load(Some(_)), _, _, Action::Train(2), Action::Train(7)]
        ));
        assert!(matches!(
            planned("scratch"),
            [Action::Load(None), _, _, Action::Nothing(_), Action::Train(7)]
        ));
    }
}
