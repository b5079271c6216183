//! The names of choices: one spelling for the command line, every file and every table.

use clap::ValueEnum;

/// A choice that the user makes by name.
pub trait Choice: ValueEnum {
    /// The name as it is typed.
    fn name(&self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl<T: ValueEnum> Choice for T {}
