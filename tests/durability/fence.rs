//! A process that is stopped before one of its operations, while another takes its lock over and finishes the run.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime};

use vae_bench::files::{Disk, Operation, Watch};
use vae_bench::run::Existing;

use crate::lab::*;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// The process has so many operations to go.
    Open(usize),
    /// It stands before one.
    Stopped,
    /// It may go on, or has ended.
    Released,
}

/// Stops a process before one of its operations until it is told to go on.
struct Stop {
    gate: Mutex<Gate>,
    changed: Condvar,
}

impl Stop {
    fn at(operation: usize) -> Arc<Self> {
        Arc::new(Stop { gate: Mutex::new(Gate::Open(operation)), changed: Condvar::new() })
    }

    fn release(&self) {
        *self.gate.lock().unwrap() = Gate::Released;
        self.changed.notify_all();
    }

    /// Waits until the process stands or has ended; whether it stands.
    fn wait(&self) -> bool {
        let gate = self.changed.wait_while(self.gate.lock().unwrap(), |gate| matches!(gate, Gate::Open(_))).unwrap();
        *gate == Gate::Stopped
    }
}

impl Watch for Stop {
    fn before(&self, _: Operation<'_>) -> io::Result<()> {
        let mut gate = self.gate.lock().unwrap();
        match *gate {
            Gate::Released => {}
            Gate::Open(0) => {
                *gate = Gate::Stopped;
                self.changed.notify_all();
                drop(self.changed.wait_while(gate, |gate| *gate == Gate::Stopped).unwrap());
            }
            Gate::Open(left) => *gate = Gate::Open(left - 1),
            Gate::Stopped => unreachable!("one thread"),
        }
        Ok(())
    }
}

/// Runs in a thread of its own; tells the gate when it has ended.
fn start(out: &Path, existing: Existing, stop: &Arc<Stop>) -> std::thread::JoinHandle<()> {
    let (out, stop) = (out.to_owned(), Arc::clone(stop));
    std::thread::spawn(move || {
        let _ = run(&out, &Disk::watched(Arc::clone(&stop) as Arc<dyn Watch>), existing);
        stop.release();
    })
}

/// Makes every lock in the run's directory that of a machine that has been silent for an hour.
fn age_locks(out: &Path) {
    let Ok(entries) = std::fs::read_dir(dir(out).path()) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(".lock.") {
            continue;
        }
        let Ok(text) = std::fs::read(&path) else { continue };
        let Ok(mut owner) = serde_json::from_slice::<serde_json::Value>(&text) else { continue };
        owner["host"] = "elsewhere".into();
        // In place: its owner still has this file open.
        let Ok(file) = std::fs::File::options().write(true).truncate(true).open(&path) else { continue };
        io::Write::write_all(&mut &file, owner.to_string().as_bytes()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
}

/// A is stopped before operation `n`, B takes over and is stopped before operation `m`, A goes on to its end, then B; then
/// the same command once more.
fn schedule(scene: Scene, template: &Path, existing: Existing, n: usize, m: usize) -> Result<(), String> {
    let out = scratch();
    copy(template, out.path());
    let (stop_a, stop_b) = (Stop::at(n), Stop::at(m));
    let a = start(out.path(), existing, &stop_a);
    let stands = stop_a.wait();
    age_locks(out.path());
    let b = start(out.path(), Existing::Keep, &stop_b);
    stop_b.wait();
    if stands {
        stop_a.release();
    }
    a.join().unwrap();
    stop_b.release();
    b.join().unwrap();
    age_locks(out.path());
    whole_after_restart(out.path()).map(|_| ()).map_err(|why| format!("{scene:?}, A stopped at {n}, B at {m}: {why}"))
}

#[test]
fn a_process_that_wakes_after_another_took_over_spoils_nothing() {
    let (mut schedules, mut exceptions) = (0, Vec::new());
    for scene in SCENES {
        let (template, existing) = scene.template();
        let operations = scene.operations().len();
        let others: Vec<usize> = if all() {
            // Every operation of B's start and end, a sample of its epochs, and B not stopped at all.
            (0..operations).filter(|m| *m < 30 || m % 7 == 0).chain([usize::MAX]).collect()
        } else {
            vec![12, 31, usize::MAX]
        };
        for n in (0..operations).step_by(if all() { 1 } else { 2 }) {
            for &m in &others {
                schedules += 1;
                exceptions.extend(schedule(scene, template.path(), existing, n, m).err());
            }
        }
    }
    println!("stop and continue: {schedules} schedules, {} exceptions", exceptions.len());
    assert!(exceptions.is_empty(), "{} of {schedules}: {exceptions:#?}", exceptions.len());
}
