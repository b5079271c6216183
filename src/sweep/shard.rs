//! Which part of a sweep this process does: every n-th run, whatever is done already.

use std::str::FromStr;

use crate::error::{Error, Result};

/// Part `index` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

/// A shard as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardChoice {
    /// `2/3`.
    Given(Shard),
    /// `auto`, or `auto/3`: from the scheduler's variables.
    Auto(Option<usize>),
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "write I/N with I from 1 to N, such as 1/3, 2/3 and 3/3; or auto, or auto/N";
        let count = |n: &str| n.trim().parse::<usize>().ok().filter(|&n| n >= 1).ok_or(hint);
        match text.trim().split_once('/') {
            None if text.trim() == "auto" => Ok(ShardChoice::Auto(None)),
            Some(("auto", n)) => Ok(ShardChoice::Auto(Some(count(n)?))),
            Some((i, n)) => Ok(ShardChoice::Given(Shard::new(count(i)?, count(n)?).ok_or(hint)?)),
            None => Err(hint.to_owned()),
        }
    }
}

impl Shard {
    fn new(index: usize, count: usize) -> Option<Self> {
        (1..=count).contains(&index).then_some(Shard { index, count })
    }

    /// Whether the run of this number, from 0, belongs to this shard.
    pub fn has(self, position: usize) -> bool {
        position % self.count == self.index - 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl ShardChoice {
    /// The shard, with the scheduler's variables looked up by `variable`.
    ///
    /// # Errors
    /// [`Error::Usage`] where the variables do not say which part of how many this is.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
        let asked = match self {
            ShardChoice::Given(shard) => return Ok(shard),
            ShardChoice::Auto(asked) => asked,
        };
        let number = |name: &str| -> Result<Option<usize>> {
            let Some(text) = variable(name) else { return Ok(None) };
            let number = text.trim().parse();
            number.map(Some).map_err(|_| Error::Usage(format!("--shard auto: {name} is {text:?}, no whole number")))
        };
        let need = |name: &str| {
            number(name)?
                .ok_or_else(|| Error::Usage(format!("--shard auto: SLURM_ARRAY_TASK_ID without {name}; write I/N")))
        };
        let (index, count) = if let Some(id) = number("SLURM_ARRAY_TASK_ID")? {
            let (min, max) = (need("SLURM_ARRAY_TASK_MIN")?, need("SLURM_ARRAY_TASK_MAX")?);
            let count = need("SLURM_ARRAY_TASK_COUNT")?;
            if max.checked_sub(min).and_then(|span| span.checked_add(1)) != Some(count) {
                return Err(Error::Usage(format!(
                    "--shard auto: this array has {count} tasks between {min} and {max}, so its numbers have gaps and say \
                     nothing of shares; submit a dense one such as --array=1-{count}, or write --shard I/N"
                )));
            }
            if asked.is_some_and(|asked| asked != count) {
                return Err(Error::Usage(format!("--shard auto/{}: the array has {count} tasks", asked.unwrap_or(0))));
            }
            (id.checked_sub(min).map(|i| i + 1), count)
        } else if let Some(index) = number("JOB_COMPLETION_INDEX")? {
            let count = asked.ok_or_else(|| {
                Error::Usage(
                    "--shard auto: JOB_COMPLETION_INDEX does not say how many there are; write --shard auto/N with the \
                     Job's `completions`"
                        .into(),
                )
            })?;
            (index.checked_add(1), count)
        } else {
            return Err(Error::Usage(
                "--shard auto: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set; write --shard I/N".into(),
            ));
        };
        index.and_then(|index| Shard::new(index, count)).ok_or_else(|| {
            Error::Usage(format!("--shard auto: this task's number is not one of {count}; write --shard I/N"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(choice: &str, variables: &[(&str, &str)]) -> Result<Shard, String> {
        let look_up = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        choice.parse::<ShardChoice>().unwrap().resolve(look_up).map_err(|e| e.to_string())
    }

    #[test]
    fn shards_share_all_runs_out_and_overlap_nowhere() {
        for count in [1, 2, 3, 24] {
            let shards: Vec<_> = (1..=count).map(|i| Shard::new(i, count).unwrap()).collect();
            assert!((0..100).all(|run| shards.iter().filter(|shard| shard.has(run)).count() == 1));
        }
        for wrong in ["0/3", "4/3", "1/0", "3", "auto/0", "a/b", "1/", "-1/2"] {
            assert!(wrong.parse::<ShardChoice>().unwrap_err().contains("from 1 to N"), "{wrong}");
        }
    }

    #[test]
    fn auto_reads_a_dense_slurm_array_and_refuses_one_with_gaps() {
        let array = |id, min, max, count| {
            [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_MAX", max),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ]
        };
        assert_eq!(auto("auto", &array("0", "0", "2", "3")).unwrap(), Shard { index: 1, count: 3 });
        assert_eq!(auto("auto", &array("3", "1", "3", "3")).unwrap(), Shard { index: 3, count: 3 });
        assert!(auto("auto", &array("3", "1", "9", "3")).unwrap_err().contains("--array=1-3"));
        assert!(auto("auto/4", &array("1", "1", "3", "3")).unwrap_err().contains("3 tasks"));
        assert!(auto("auto", &array("x", "1", "3", "3")).unwrap_err().contains("no whole number"));
        assert!(auto("auto", &array("9", "1", "3", "3")).unwrap_err().contains("not one of 3"));
    }

    #[test]
    fn auto_counts_a_kubernetes_index_from_0_and_needs_the_number_of_shards() {
        let index = [("JOB_COMPLETION_INDEX", "0")];
        assert_eq!(auto("auto/4", &index).unwrap(), Shard { index: 1, count: 4 });
        assert!(auto("auto", &index).unwrap_err().contains("completions"));
        assert!(auto("auto", &[]).unwrap_err().contains("neither"));
    }
}
