/// The page that `cargo xtask regret` writes.
const PAGE: &str = include_str!("../../../../docs/advise.md");

/// How the advice has fared against real runs, as plain text: what stands first in docs/advise.md.
#[must_use]
pub fn standing() -> String {
    let first = PAGE.split("\n\n").find(|paragraph| !paragraph.starts_with('#')).unwrap_or_default();
    first.replace("**", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_verdict_in_plain_text() {
        let said = standing();
        assert!(said.ends_with('.') && !said.contains(['*', '#', '|', '\n']), "{said}");
        let verdicts = ["Not measured yet: ", "The advice loses to the best constant answer: ", "On the "];
        assert!(verdicts.iter().any(|verdict| said.starts_with(verdict)), "{said}");
    }
}
