//! The JSON that commands print: each object says what it is and which version of the schema it follows (docs/json.md).

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::records::SCHEMA;
use crate::terminal::print;

/// `body` as an object of type `kind`.
pub(super) fn object(kind: &str, body: impl Serialize) -> Value {
    let mut all = Map::from_iter([("type".to_owned(), json!(kind)), ("schema".to_owned(), json!(SCHEMA))]);
    match serde_json::to_value(body) {
        Ok(Value::Object(fields)) => all.extend(fields),
        Ok(other) => drop(all.insert("value".to_owned(), other)),
        Err(_) => {}
    }
    Value::Object(all)
}

/// Prints `body` as an object of type `kind` in one line.
pub(super) fn print_object(kind: &str, body: impl Serialize) {
    print(format!("{}\n", object(kind, body)));
}
