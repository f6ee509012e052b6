//! As much of JSON Schema as the schema of a configuration uses. A keyword that it does not know is an error, so that no
//! part of the schema goes unchecked.

use serde_json::{Map, Value};

/// Returns what is wrong with a value, with its path.
pub(super) fn validate(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let schema = schema.as_object().ok_or_else(|| format!("{path}: the schema is {schema}"))?;
    for (keyword, expected) in schema {
        let fine = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "required" => true,
            "type" => has_type(value, expected.as_str().ok_or_else(|| format!("{path}: {expected}"))?)?,
            "const" => value == expected,
            "enum" => expected.as_array().is_some_and(|values| values.contains(value)),
            "minimum" => number(value).is_none_or(|value| Some(value) >= expected.as_f64()),
            "maximum" => number(value).is_none_or(|value| Some(value) <= expected.as_f64()),
            "exclusiveMinimum" => number(value).is_none_or(|value| Some(value) > expected.as_f64()),
            "exclusiveMaximum" => number(value).is_none_or(|value| Some(value) < expected.as_f64()),
            "minItems" => length(value).is_none_or(|length| Some(length) >= expected.as_u64()),
            "maxItems" => length(value).is_none_or(|length| Some(length) <= expected.as_u64()),
            "pattern" => value.as_str().is_none_or(|text| matches(text, expected)),
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    validate(expected, value, &format!("{path}[{index}]"))?;
                }
                true
            }
            "anyOf" => fitting(expected, value, path) > 0,
            "oneOf" => fitting(expected, value, path) == 1,
            "properties" | "additionalProperties" => true,
            other => return Err(format!("{path}: the keyword {other} is not known here")),
        };
        if !fine {
            return Err(format!("{path}: {value} is not {keyword} {expected}"));
        }
    }
    value.as_object().map_or(Ok(()), |object| of_object(schema, object, path))
}

fn of_object(schema: &Map<String, Value>, object: &Map<String, Value>, path: &str) -> Result<(), String> {
    let known = schema.get("properties").and_then(Value::as_object);
    for (key, value) in object {
        let path = format!("{path}.{key}");
        match (known.and_then(|known| known.get(key)), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => validate(schema, value, &path)?,
            (None, Some(Value::Bool(false))) => return Err(format!("{path}: unknown")),
            (None, _) => {}
        }
    }
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if key.as_str().is_none_or(|key| !object.contains_key(key)) {
            return Err(format!("{path}: {key} is missing"));
        }
    }
    Ok(())
}

fn fitting(forms: &Value, value: &Value, path: &str) -> usize {
    forms.as_array().into_iter().flatten().filter(|form| validate(form, value, path).is_ok()).count()
}

fn has_type(value: &Value, name: &str) -> Result<bool, String> {
    Ok(match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => return Err(format!("the type {other} is not known here")),
    })
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn length(value: &Value) -> Option<u64> {
    value.as_array().map(|values| values.len() as u64)
}

/// The two patterns that there are.
fn matches(text: &str, pattern: &Value) -> bool {
    match pattern.as_str() {
        Some("^last:0*[1-9][0-9]*$") => {
            text.strip_prefix("last:").is_some_and(|count| count.parse().is_ok_and(|count: u32| count > 0))
        }
        Some("^from:.+$") => text.strip_prefix("from:").is_some_and(|stage| !stage.is_empty()),
        other => panic!("the pattern {other:?} is not known here"),
    }
}
