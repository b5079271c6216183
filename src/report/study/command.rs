//! The command that repeats a run.

use serde_json::{Map, Value};

use super::Run;
use crate::spec::{RunSpec, Settings};
use crate::text::shell_quote;

/// The shortest command that gives exactly this run: its preset, and what departs from the defaults; every setting where
/// that would not do.
pub fn repeat_command(run: &Run) -> String {
    let all = given(&run.settings);
    let usual = RunSpec::resolve(&Settings::default()).map(|spec| given(&spec.settings())).unwrap_or_default();
    let departs = |key: &String, value: &Value| usual.get(key) != Some(value);
    let some: Map<String, Value> =
        all.iter().filter(|(key, value)| departs(key, value)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let flags = if same_run(&some, &run.settings) { some } else { all };
    let mut words = vec!["vae-bench".to_owned()];
    for (key, value) in flags {
        let value = match value {
            Value::String(text) => text,
            Value::Array(widths) => widths.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        words.extend([format!("--{key}"), shell_quote(&value)]);
    }
    words.join(" ")
}

/// The settings that are given, under the names of their flags.
fn given(settings: &Settings) -> Map<String, Value> {
    let Ok(Value::Object(map)) = serde_json::to_value(settings) else { return Map::new() };
    map.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn same_run(flags: &Map<String, Value>, settings: &Settings) -> bool {
    let typed = || serde_json::from_value::<Settings>(Value::Object(flags.clone())).ok()?.with_preset().ok();
    let spec = typed().and_then(|settings| RunSpec::resolve(&settings).ok());
    spec.is_some() && spec == RunSpec::resolve(settings).ok()
}
