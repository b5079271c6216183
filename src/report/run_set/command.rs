//! The command that repeats a run.

use serde_json::{Map, Value};

use super::run::Run;
use crate::spec::{RunSpec, Settings};
use crate::text::shell_quote;

/// The shortest command that repeats exactly this run: its preset and the settings that differ from the defaults, or all
/// settings where these would give another run.
pub fn repeat_command(run: &Run) -> String {
    let all = given(&run.settings);
    let defaults = RunSpec::resolve(&Settings::default()).map(|spec| given(spec.settings())).unwrap_or_default();
    let differs = |key: &String, value: &Value| defaults.get(key) != Some(value);
    let changed: Map<String, Value> =
        all.iter().filter(|(key, value)| differs(key, value)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let flags = if same_run(&changed, &run.settings) { changed } else { all };
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

/// The settings that have a value, under the names of their flags.
fn given(settings: &Settings) -> Map<String, Value> {
    let Ok(Value::Object(map)) = serde_json::to_value(settings) else { return Map::new() };
    map.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// Whether `flags`, typed on a command line, resolve to the same run as `settings`.
fn same_run(flags: &Map<String, Value>, settings: &Settings) -> bool {
    let typed = || serde_json::from_value::<Settings>(Value::Object(flags.clone())).ok()?.with_preset().ok();
    let spec = typed().and_then(|settings| RunSpec::resolve(&settings).ok());
    spec.is_some() && spec == RunSpec::resolve(settings).ok()
}
