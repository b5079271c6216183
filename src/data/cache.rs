//! The place on disk where a downloaded MNIST is kept.

use std::path::PathBuf;

/// `$XDG_CACHE_HOME/vae-bench/mnist`, or `~/.cache/vae-bench/mnist`; none where neither variable is set.
pub fn mnist_dir() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("vae-bench").join("mnist"))
}
