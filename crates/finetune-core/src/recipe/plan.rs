use records::{Depth, StepName};
use run_config::{HeadPolicy, HeadSolver, Run};

/// What the five steps of a run are going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipePlan {
    /// `load`: label of the source weights; `None` builds the network with random weights.
    pub weights: Option<String>,
    /// `freeze`: how far back the network is trained.
    pub depth: Depth,
    /// `head`: a new head, or the source's.
    pub head: HeadPolicy,
    /// `train-head`.
    pub train_head: Training,
    /// `fine-tune`.
    pub fine_tune: Training,
}

/// What a training step is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Training {
    /// Train the live stages for this number of epochs.
    Epochs(u32),
    /// Compute the head from features.
    Solve(HeadSolver),
    /// Nothing, and why.
    Nothing(&'static str),
}

impl RecipePlan {
    /// Returns the training steps that have epochs, in order, with their number.
    pub fn phases(&self) -> impl Iterator<Item = (StepName, u32)> {
        let steps = [(StepName::TrainHead, self.train_head), (StepName::FineTune, self.fine_tune)];
        steps.into_iter().filter_map(|(step, training)| match training {
            Training::Epochs(epochs) => Some((step, epochs)),
            Training::Solve(_) | Training::Nothing(_) => None,
        })
    }
}

/// Plans the five steps of a run. Pure: nothing is read, built or trained.
#[must_use]
pub fn plan(run: &Run) -> RecipePlan {
    let epochs = Training::Epochs(run.config.train.epochs().get());
    let head_epochs = run.config.finetune.head_epochs;
    let solved = Some(run.config.finetune.head_solver).filter(|&solver| solver != HeadSolver::Sgd);
    let solved = solved.map(Training::Solve);
    let (train_head, fine_tune) = match (run.depth(), solved) {
        (Depth::Head, solved) => {
            (solved.unwrap_or(epochs), Training::Nothing("the depth is \"head\": nothing else is unfrozen"))
        }
        (Depth::Scratch, _) => {
            (Training::Nothing("from scratch there are no features to train a head on"), epochs)
        }
        (_, Some(solved)) => (solved, epochs),
        _ if head_epochs == 0 => (Training::Nothing("finetune.head_epochs is 0"), epochs),
        _ => (Training::Epochs(head_epochs), epochs),
    };
    let weights = run.weights.as_ref().filter(|_| *run.depth() != Depth::Scratch);
    RecipePlan {
        weights: weights.map(|weights| weights.label.clone()),
        depth: run.depth().clone(),
        head: run.config.finetune.head,
        train_head,
        fine_tune,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(depth: &str) -> RecipePlan {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        let text = format!(
            "[data]\nroot = \"d\"\n[model]\narch = \"resnet18\"\nweights = \"IMAGENET1K_V1\"\n\
             [finetune]\ndepth = \"{depth}\"\nhead_epochs = 2\n[train]\nepochs = 7\n[run]\ndevice = \"cpu\"\n"
        );
        std::fs::write(&path, text).unwrap();
        let (config, source) = run_config::read(&path, &[]).unwrap();
        plan(&run_config::resolve(config, source).unwrap())
    }

    #[test]
    fn the_depth_decides_which_step_is_the_main_training() {
        use StepName::{FineTune, TrainHead};
        for (depth, weights, phases) in [
            ("head", true, vec![(TrainHead, 7)]),
            ("last:1", true, vec![(TrainHead, 2), (FineTune, 7)]),
            ("scratch", false, vec![(FineTune, 7)]),
        ] {
            let planned = planned(depth);
            assert_eq!(planned.weights.is_some(), weights, "{depth}");
            assert_eq!(planned.phases().collect::<Vec<_>>(), phases, "{depth}");
        }
    }
}
