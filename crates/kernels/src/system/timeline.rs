//! When each thread did what: for `examples/timeline.rs`.
//!
//! Only with the feature `timeline` is anything recorded. Without it a [`Span`] is nothing, and a kernel is entered as if
//! this module did not exist.

/// The time from its making to its end, on the thread that made it.
#[must_use]
pub struct Span {
    #[cfg(feature = "timeline")]
    begun: on::Begun,
}

/// Begins a span.
#[inline(always)]
pub fn span(name: &'static str) -> Span {
    #[cfg(not(feature = "timeline"))]
    let _ = name;
    Span {
        #[cfg(feature = "timeline")]
        begun: on::Begun::now(name.to_owned()),
    }
}

impl Span {
    /// Ends the span before its scope does.
    #[inline(always)]
    pub fn end(self) {}
}

#[cfg(feature = "timeline")]
pub use on::{Event, take};
#[cfg(feature = "timeline")]
pub(crate) use on::{name_of, span_of};

#[cfg(feature = "timeline")]
mod on {
    use super::Span;
    use std::sync::{Mutex, PoisonError};
    use std::time::Instant;

    static EVENTS: Mutex<Vec<Event>> = Mutex::new(Vec::new());

    /// What one thread did, and when.
    #[derive(Clone, Debug)]
    pub struct Event {
        /// A kernel with the shape of its product, or the name of a span.
        pub name: String,
        /// The number of the thread in its pool; none outside of a pool.
        pub thread: Option<usize>,
        /// When it began.
        pub begin: Instant,
        /// When it ended.
        pub end: Instant,
    }

    pub(super) struct Begun {
        name: String,
        at: Instant,
    }

    impl Begun {
        pub(super) fn now(name: String) -> Begun {
            Begun { name, at: Instant::now() }
        }
    }

    impl Drop for Span {
        fn drop(&mut self) {
            let end = Instant::now();
            let (name, begin) = (std::mem::take(&mut self.begun.name), self.begun.at);
            let event = Event { name, thread: rayon::current_thread_index(), begin, end };
            EVENTS.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }

    /// Begins a span of any name.
    pub(crate) fn span_of(name: String) -> Span {
        Span { begun: Begun::now(name) }
    }

    /// The events since the last call, in the order in which they ended.
    pub fn take() -> Vec<Event> {
        std::mem::take(&mut EVENTS.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The module and the name of a task's type.
    pub(crate) fn name_of<T: ?Sized>() -> String {
        let path = std::any::type_name::<T>();
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("::")
    }
}
