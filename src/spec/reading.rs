//! Settings from text: a configuration file, a run's `config.toml`, variables, one key with its value.

use std::ffi::OsString;
use std::path::Path;
use std::sync::LazyLock;

use clap::{Args, FromArgMatches};

use super::settings::Settings;
use crate::error::{Error, Result};
use crate::files::{MOST_TEXT, read_regular, read_text};
use crate::text::nearest;

/// Every flag of a run is also a variable: this, and the flag's name in capitals.
pub const VARIABLE_PREFIX: &str = "VAE_BENCH_";

impl Settings {
    /// Reads a TOML file whose keys are the flags' names.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line, reason and hint.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path).map_err(|e| Error::Usage(Error::input(path, "read", e).to_string()))?;
        Settings::parse(&text).map_err(|why| Error::Usage(format!("{}: {why}", path.display())))
    }

    /// Reads the `config.toml` of a run: a regular file, since a pipe in its place would be waited for without end.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn read_recorded(path: &Path) -> Result<Self> {
        let failed = |e| Error::Usage(Error::input(path, "read", e).to_string());
        let text = read_regular(path, MOST_TEXT).map_err(failed)?;
        let parsed = Settings::parse(&String::from_utf8_lossy(&text));
        parsed.map_err(|why| Error::Usage(format!("{}: {why}", path.display())))
    }

    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// A sentence that begins with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            format!("line {line}: {}", plain_reason(e.message()))
        })
    }

    /// The names of all settings, as flags and keys have them.
    pub fn names() -> &'static [String] {
        static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
            let command = Settings::augment_args(clap::Command::new("settings"));
            let names = command.get_arguments().filter_map(|arg| Some(arg.get_long()?.to_owned()));
            names.filter(|name| name != "help").collect()
        });
        &NAMES
    }

    /// The settings of the variables `VAE_BENCH_*`; `read` gives a variable's value. An empty one counts as not set, and
    /// so does a wrong one whose flag stands in `flags`, which win over variables.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the variable.
    pub fn from_variables(flags: &Settings, read: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let given = flags.given();
        let command = Settings::augment_args(clap::Command::new("settings").no_binary_name(true));
        let mut all = Settings::default();
        for flag in Settings::names() {
            let variable = format!("{VARIABLE_PREFIX}{}", flag.replace('-', "_").to_uppercase());
            let Some(value) = read(&variable).filter(|value| !value.is_empty()) else { continue };
            let mut word = OsString::from(format!("--{flag}="));
            word.push(value);
            let one = command.clone().try_get_matches_from([word]).and_then(|found| Settings::from_arg_matches(&found));
            if one.is_err() && given.contains_key(flag) {
                continue;
            }
            let one = one.map_err(|e| {
                let text = e.to_string();
                let says: Vec<&str> = text
                    .lines()
                    .map(|line| line.trim().trim_start_matches("error: "))
                    .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
                    .collect();
                Error::Usage(format!("the variable {variable}: {}", says.join("; ")))
            })?;
            all = all.or(one);
        }
        Ok(all)
    }

    /// A layer with nothing but `key`, whose value is `value`.
    ///
    /// # Errors
    /// What is wrong with the key or the value, as a sentence.
    pub fn one(key: &str, value: toml::Value) -> Result<Self, String> {
        let table = toml::Table::from_iter([(key.to_owned(), value)]);
        // The line under it shows the key again; who calls knows where it is.
        table.try_into().map_err(|e: toml::de::Error| plain_reason(e.message()))
    }
}

/// What serde says of a key or a value, as a sentence for people.
pub(crate) fn plain_reason(message: &str) -> String {
    let message = message.trim().replace('\n', "; ");
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if message.starts_with("unknown field") {
        let names = Settings::names();
        if let (Some(key), true) = (quoted(&message), message.contains("`latent-dim`")) {
            let hint = match nearest(&key, names.iter().map(String::as_str)) {
                Some(name) => format!("did you mean {name}?"),
                None => "`vae-bench --help` lists the settings".to_owned(),
            };
            return format!("there is no setting `{key}`; {hint}");
        }
    }
    // "invalid type: string "1-3", expected u64"
    if let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        let found = found.split_once(' ').map_or(found, |(_, value)| value).trim_matches('`');
        let wanted = match expected {
            "u32" | "u64" | "usize" => "a whole number, 0 or more",
            "f64" => "a number such as 0.5, 1e-3 or 1/784",
            "a string" => "a word in quotes",
            other => return format!("{found} is not {other}"),
        };
        return format!("{found} is not {wanted}");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Loss;
    use crate::spec::number::Size;

    #[test]
    fn a_file_speaks_the_language_of_the_flags() {
        let read =
            Settings::parse("loss = \"gaussian\"\nsigma2 = 0.5\nhidden = \"400,200\"\nlatent-dim = 2\n").unwrap();
        assert_eq!(read.loss, Some(Loss::Gaussian));
        assert_eq!(read.hidden.unwrap().as_slice(), [400, 200]);
        assert_eq!(Settings::parse("hidden = []").unwrap().hidden.unwrap().as_slice(), [0; 0]);
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        for (text, line, word) in [
            ("beta = 1\nlatent_dim = 2\n", "line 2", "latent_dim"),
            ("\n\nloss = \"l1\"\n", "line 3", "l1"),
            ("beta = \"one\"", "line 1", "not a number"),
            ("betta = 1", "line 1", "did you mean beta?"),
            ("seed = \"1-3\"", "line 1", "\"1-3\" is not a whole number"),
            ("beta = ", "line 1", ""),
            ("hidden = 400", "line 1", "expected widths"),
            ("epochs = -1", "line 1", "-1"),
        ] {
            let message = Settings::parse(text).unwrap_err();
            assert!(message.starts_with(line) && message.contains(word), "{text:?}: {message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_variable_is_read_as_its_flag_and_named_where_it_is_wrong() {
        let set =
            |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| OsString::from(value));
        let none = Settings::default();
        let read = Settings::from_variables(&none, set("VAE_BENCH_LATENT_DIM", "3")).unwrap();
        assert_eq!(read, Settings { latent_dim: Some(Size::stated(3)), ..Settings::default() });
        assert_eq!(Settings::from_variables(&none, set("VAE_BENCH_DATA_DIR", "")).unwrap(), Settings::default());
        let why = Settings::from_variables(&none, set("VAE_BENCH_LR", "abc")).unwrap_err().to_string();
        assert!(why.contains("VAE_BENCH_LR") && why.contains("abc"), "{why}");
    }
}
