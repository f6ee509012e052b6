use serde::Deserialize;
use serde_json::Value;

/// What is read of the hub's description of a repository.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Info {
    #[serde(default, rename = "cardData")]
    card: Option<Card>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

/// The head of the model's card.
#[derive(Debug, Deserialize)]
struct Card {
    license: Option<Value>,
    license_name: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Info {
    /// The licence in the card; the licence's own name where the card says "other".
    pub(super) fn licence(&self) -> Option<String> {
        let card = self.card.as_ref()?;
        let stated = words(card.license.as_ref());
        match stated.as_deref() {
            Some("other") => words(card.license_name.as_ref()).or(stated),
            _ => stated,
        }
    }

    /// Paths of the repository's files.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.siblings.iter().map(|sibling| sibling.rfilename.as_str())
    }
}

/// A text, or several; what would not stand well in a line is left out.
fn words(value: Option<&Value>) -> Option<String> {
    const LONGEST: usize = 100;
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        _ => return None,
    };
    let text: String = text.trim().chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_states_a_licence_in_several_ways() {
        for (json, licence) in [
            (r#"{"cardData": {"license": "apache-2.0"}, "sha": "x"}"#, Some("apache-2.0")),
            (r#"{"cardData": {"license": ["mit", "cc-by-4.0"]}}"#, Some("mit, cc-by-4.0")),
            (
                r#"{"cardData": {"license": "other", "license_name": "dinov3-license"}}"#,
                Some("dinov3-license"),
            ),
            (r#"{"cardData": {"license": "other"}}"#, Some("other")),
            (r#"{"cardData": {"license": 3}}"#, None),
            (r#"{"cardData": {}}"#, None),
            (r#"{"cardData": null}"#, None),
            (r#"{"siblings": [{"rfilename": "a", "size": 1}]}"#, None),
        ] {
            let info: Info = serde_json::from_str(json).unwrap();
            assert_eq!(info.licence().as_deref(), licence, "{json}");
        }
    }
}
