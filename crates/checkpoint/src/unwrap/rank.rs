//! Which of several copies of a network is the one to use, by the words that lead to it.

use super::words::{APART, AVERAGED, AVERAGES, BEHIND, CONTAINERS, OPTIMIZER, TRAINED, USUAL, WRAPPERS};

/// How much one of several equal places is preferred: the later ones before the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Among an optimizer's state.
    Optimizer,
    /// Where the training came from or a network that is trained against: `old`, `init`, `discriminator`, `teacher`.
    Behind,
    /// Under a word that says nothing.
    Unknown,
    /// Where training scripts put a network.
    Usual,
    /// Averaged, or the trained one of a contrastive pair.
    Averaged,
}

/// The rank of a prefix. `averaging_teacher` says that the file's teacher is an average of its student, as in DINO.
pub(super) fn rank(prefix: &str, averaging_teacher: bool) -> Rank {
    let parts: Vec<String> =
        prefix.split(['.', '/']).filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    let is = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
    let any = |test: fn(&str) -> bool| parts.iter().any(|part| !is_wrapper(part) && test(part));
    let teaches = parts.iter().any(|part| words_of(part).any(|word| word == "teacher"));
    match () {
        () if is(&OPTIMIZER) => Rank::Optimizer,
        () if any(is_behind) || teaches && !averaging_teacher && !any(is_averaged) => Rank::Behind,
        () if any(is_averaged) || teaches || is(&TRAINED) => Rank::Averaged,
        () if parts.iter().all(|part| is_usual(part)) => Rank::Usual,
        () => Rank::Unknown,
    }
}

/// Whether the teacher of a file is an average of its student: the losses of DINO and its like lie in the file, whose
/// teachers are. Otherwise a teacher is another network, which the student learns from (distillation).
pub(super) fn has_averaging_teacher(paths: &[String]) -> bool {
    let of_loss = |part: &str| {
        matches!(part, "dino_loss" | "ibot_loss" | "ibot_patch_loss" | "ema_decay" | "momentum_teacher")
    };
    paths.iter().any(|path| path.split('.').any(of_loss))
}

fn words_of(part: &str) -> impl Iterator<Item = &str> {
    part.split(['_', '-', ' ']).filter(|word| !word.is_empty())
}

fn is_wrapper(part: &str) -> bool {
    WRAPPERS.contains(&part)
}

fn is_averaged(part: &str) -> bool {
    let none = words_of(part).any(|word| matches!(word, "no" | "non" | "without" | "before"));
    !none && (AVERAGED.contains(&part) || words_of(part).any(|word| AVERAGES.contains(&word)))
}

fn is_behind(part: &str) -> bool {
    APART.contains(&part) || words_of(part).any(|word| BEHIND.contains(&word))
}

fn is_usual(part: &str) -> bool {
    is_wrapper(part)
        || CONTAINERS.contains(&part)
        || part.bytes().all(|byte| byte.is_ascii_digit())
        || words_of(part).all(|word| USUAL.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_between_copies() {
        let of = |prefix: &str| rank(prefix, false);
        for (better, worse) in [
            ("model.", "model_init."),
            ("model.", "discriminator."),
            ("state_dict.", "state_dict_prev."),
            ("net.", "old."),
            ("best.", "last."),
            ("student.", "teacher."),
            ("model.", "teacher."),
            ("net_ema.module.", "net."),
            ("averaged_weights.", "weights."),
            ("model.", "pretrained_model."),
            ("model.", "target_net."),
            ("net.", "optimizer.param_copy."),
            ("state_dict.model.", "state_dict.something."),
            ("ema.", "old.ema."),
            ("module._orig_mod.", "previous._orig_mod."),
            ("ema_teacher.", "student."),
            ("model.", "something."),
            ("", "init."),
            ("model.", "model_no_ema_old."),
        ] {
            assert!(of(better) > of(worse), "{better} {:?}, {worse} {:?}", of(better), of(worse));
        }
        for (one, other) in [("fold0.", "fold1."), ("0.", "1."), ("a.", "b."), ("model.", "net.")] {
            assert_eq!(of(one), of(other), "{one} {other}");
        }
        assert!(rank("teacher.", true) > rank("student.", true));
    }
}
