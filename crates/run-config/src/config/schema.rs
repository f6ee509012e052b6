//! The JSON Schema of a configuration, for editors: made from its types.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Config;

/// Returns the JSON Schema (draft 7) of a configuration.
#[must_use]
pub fn schema() -> Value {
    let mut schema = described();
    for_each_schema(&mut schema, &mut |schema| {
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = without_links(description);
        }
    });
    schema["title"] = "Configuration of finetune".into();
    schema
}

/// The schema with descriptions that link to pages of the guide.
pub(super) fn described() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    for_each_schema(&mut schema, &mut tidy);
    schema
}

/// Leaves out what TOML does not have (null), what is of Rust (integer formats) and the defaults of whole tables, and sets
/// each description on one line.
fn tidy(schema: &mut Map<String, Value>) {
    schema.remove("format");
    if schema.contains_key("properties") {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(forms)) = schema.get_mut("anyOf") {
        forms.retain(|form| form["type"] != "null");
        if let [Value::Object(only)] = &forms[..] {
            let only = only.clone();
            schema.remove("anyOf");
            for (keyword, value) in only {
                schema.entry(keyword).or_insert(value);
            }
        }
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}

/// Calls `change` with a schema and every schema in it, the innermost first.
fn for_each_schema(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(schema) = schema else { return };
    for keyword in ["properties", "patternProperties", "$defs", "definitions"] {
        if let Some(Value::Object(named)) = schema.get_mut(keyword) {
            named.values_mut().for_each(|schema| for_each_schema(schema, change));
        }
    }
    for keyword in ["anyOf", "oneOf", "allOf", "items"] {
        match schema.get_mut(keyword) {
            Some(Value::Array(forms)) => forms.iter_mut().for_each(|form| for_each_schema(form, change)),
            Some(form) => for_each_schema(form, change),
            None => {}
        }
    }
    if let Some(values) = schema.get_mut("additionalProperties") {
        for_each_schema(values, change);
    }
    change(schema);
}

/// A description without its links, which lead nowhere outside the guide: `[text](page.md)` becomes `text`.
fn without_links(description: &str) -> String {
    let mut plain = String::new();
    let mut rest = description;
    while let Some((before, link)) = rest.split_once("](") {
        let Some((opening, after)) = before.rfind('[').zip(link.split_once(')')) else { break };
        plain.push_str(&before[..opening]);
        plain.push_str(&before[opening + 1..]);
        rest = after.1;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_guide_become_their_text() {
        assert_eq!(without_links("a [b c](d.md#e), f [g](h.md)."), "a b c, f g.");
        assert_eq!(without_links("`{ a = [1] }` and (b)"), "`{ a = [1] }` and (b)");
    }
}
