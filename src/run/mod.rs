//! One spec, end to end: its directory, its training, its records; resumed where it stopped, skipped where it is done.

mod checkpoint;
mod clean;
mod earlier;
mod execute;
mod existing;
mod facts;
mod job;
mod lock;
mod lock_owner;
mod measure;
mod memory;
mod model_file;
mod progress;
mod ready;
mod recorder;
mod start;
mod table;
mod verify;
mod worker;

pub use checkpoint::{read_checkpoint, seal_checkpoint};
pub use clean::{FinishedCheckpoint, drop_finished_checkpoint, finished_checkpoint};
pub use execute::{execute, execute_on};
pub use job::{Existing, Finished, Job, Outcome, Started};
pub use lock::remove_stale_lock;
pub use lock_owner::{LockOwner, lock_owner};
pub use measure::{last_measurement, write_latents};
pub use memory::{check as check_memory, check_side_by_side};
pub use model_file::{parse_model, read_model};
pub use progress::{Display, RunProgress};
pub use verify::{Records, VerifiedRun, verify_run};
