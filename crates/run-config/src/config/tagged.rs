//! Choices with numbers of their own, written as `"NAME"` or as `{ name = "NAME", ... }`: what `#[serde(tag = "name")]`
//! reads and writes, with the bare name as its shorthand.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};

/// The key that says which.
pub(super) const NAME: &str = "name";

/// Reads a choice.
pub(super) fn read<'de, D: Deserializer<'de>, T: DeserializeOwned + Serialize>(
    from: D,
) -> Result<T, D::Error> {
    from.deserialize_any(NameOrTable(PhantomData))
}

/// Reads a choice that may be absent.
pub(super) fn read_optional<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Serialize,
{
    read(from).map(Some)
}

/// Writes a choice: its name alone where it has no numbers.
pub(super) fn write<S: Serializer, T: Serialize>(choice: &T, to: S) -> Result<S::Ok, S::Error> {
    match Value::try_from(choice).map_err(S::Error::custom)? {
        Value::Table(table) if table.len() == 1 => table[NAME].serialize(to),
        _ => choice.serialize(to),
    }
}

/// Writes a choice that may be absent.
pub(super) fn write_optional<S, T>(choice: &Option<T>, to: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: Serialize,
{
    match choice {
        Some(choice) => write(choice, to),
        None => to.serialize_none(),
    }
}

/// Describes a choice: the names, or one of the tables.
pub(super) fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let of_tables = T::json_schema(generator);
    let mut tables = of_tables.get("oneOf").and_then(|tables| tables.as_array()).cloned().unwrap_or_default();
    let mut names = Vec::new();
    for table in tables.iter_mut().filter_map(|table| table.as_object_mut()) {
        names.extend(table["properties"][NAME].get("const").cloned());
        table.insert("additionalProperties".to_owned(), false.into());
    }
    let mut forms = vec![serde_json::json!({ "type": "string", "enum": names })];
    forms.append(&mut tables);
    json_schema!({ "anyOf": forms })
}

struct NameOrTable<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned + Serialize> Visitor<'de> for NameOrTable<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, or a table such as { name = \"NAME\" } with numbers of its own")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
        of_table([(NAME.to_owned(), Value::from(name))].into_iter().collect())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        of_table(Table::deserialize(MapAccessDeserializer::new(map))?)
    }
}

/// Reads a table. As no number depends on another, the key at fault is the one that fails alone; its name begins the
/// message, so that its place can be found.
fn of_table<T: DeserializeOwned + Serialize, E: serde::de::Error>(table: Table) -> Result<T, E> {
    let read = |table: Table| Value::Table(table).try_into::<T>();
    let whole = match read(table.clone()) {
        Ok(choice) => return without_others(choice, &table),
        Err(error) => error,
    };
    let Some(name) = table.get(NAME) else { return Err(E::missing_field(NAME)) };
    let alone = |key: &str, value: &Value| {
        let parts = [(NAME.to_owned(), name.clone()), (key.to_owned(), value.clone())];
        read(parts.into_iter().collect()).err()
    };
    let fault = table.iter().find_map(|(key, value)| Some((key, alone(key, value)?)));
    match fault {
        Some((key, error)) if read([(NAME.to_owned(), name.clone())].into_iter().collect()).is_ok() => {
            Err(E::custom(format_args!("{key}: {}", error.message().trim_end())))
        }
        _ => Err(E::custom(whole.message().trim_end())),
    }
}

/// Refuses numbers of other choices, which serde passes over where a choice has none of its own.
fn without_others<T: Serialize, E: serde::de::Error>(choice: T, table: &Table) -> Result<T, E> {
    let own = Value::try_from(&choice).map_err(E::custom)?;
    match table.keys().find(|&key| own.get(key).is_none()) {
        Some(key) => Err(E::custom(format_args!("{key}: is no number of {}", table[NAME]))),
        None => Ok(choice),
    }
}
