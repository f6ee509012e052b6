//! The data: Latin and Cyrillic letters, with faces held out and, the harder split, with whole families held out.

use anyhow::Result;
use serde::Deserialize;

use super::plan::Plan;
use crate::process::say;
use crate::tools::Tool;
use crate::workspace::Workspace;

/// A folder of letters that is there.
#[derive(Clone, Debug)]
pub(super) struct Letters {
    /// `latin-faces`.
    pub(super) name: String,
    /// `data/letters/latin-faces`, relative to the workspace.
    pub(super) root: String,
    /// Digest of all its images.
    pub(super) digest: String,
    /// Classes that differ from every Latin letter: transfer is judged on these.
    pub(super) unshared: Vec<String>,
}

/// The source task and the target task, drawn with the same faces held out.
pub(super) struct Pair {
    /// `held-out faces`.
    pub(super) name: &'static str,
    pub(super) latin: Letters,
    pub(super) cyrillic: Letters,
}

/// Answer of the tool that draws: a folder of letters.
#[derive(Deserialize)]
struct Drawn {
    #[serde(rename = "pictures")]
    images: u64,
    content_digest: String,
    unshared_with_latin: Vec<String>,
}

/// Draws what is not there yet; both alphabets under both splits.
pub(super) fn draw(tool: &Tool, workspace: &Workspace, plan: &Plan) -> Result<Vec<Pair>> {
    let splits: [(_, _, &[&str]); 2] =
        [("held-out faces", "faces", &[]), ("held-out families", "families", &["--by-family"])];
    let pair = |(name, short, split)| {
        let draw = |alphabet, script: &str, per_class: u32| -> Result<Letters> {
            let name = format!("{script}-{short}{}", plan.suffix);
            let root = format!("data/letters/{name}");
            let mut command = tool.command(["--replace-outdated", alphabet]);
            command.arg(workspace.root.join(&root)).args(split);
            command.arg("--train").arg(per_class.to_string());
            command.arg("--validation").arg(plan.validation_per_class.to_string());
            let drawn: Drawn = Tool::answer(&mut command)?;
            say(format!("{root}: {} letters", drawn.images));
            Ok(Letters { name, root, digest: drawn.content_digest, unshared: drawn.unshared_with_latin })
        };
        let latin = draw("latin", "latin", plan.latin_per_class)?;
        Ok(Pair { name, latin, cyrillic: draw("cyrillic-capitals", "cyrillic", plan.cyrillic_per_class)? })
    };
    splits.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools;

    #[test]
    fn both_alphabets_are_drawn_under_both_splits_and_found_again() {
        let tool = tools::letters(&Workspace::find().unwrap()).unwrap();
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace { root: root.path().to_owned() };
        let mut plan = Plan::quick();
        (plan.latin_per_class, plan.cyrillic_per_class, plan.validation_per_class) = (2, 1, 1);
        let drawn = draw(&tool, &workspace, &plan).unwrap();
        let letters: Vec<&Letters> = drawn.iter().flat_map(|pair| [&pair.latin, &pair.cyrillic]).collect();
        let names: Vec<&str> = letters.iter().map(|letters| &*letters.name).collect();
        let expected =
            ["latin-faces-quick", "cyrillic-faces-quick", "latin-families-quick", "cyrillic-families-quick"];
        assert_eq!(names, expected);
        let unshared = &letters[1].unshared;
        assert_eq!(unshared.len(), 23);
        assert!(unshared.contains(&"capital-Ж".to_owned()) && !unshared.contains(&"capital-А".to_owned()));
        assert!(root.path().join(&letters[3].root).join("test/capital-Я").is_dir());

        let again = draw(&tool, &workspace, &plan).unwrap();
        assert!(again.iter().zip(&drawn).all(|(again, first)| again.latin.digest == first.latin.digest));
        assert_ne!(drawn[0].latin.digest, drawn[1].latin.digest);
    }
}
