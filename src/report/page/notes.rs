//! Secondary remarks, below a section.

use maud::{Markup, html};

/// The remarks as a list; nothing if there are none.
pub(super) fn list(notes: &[String]) -> Markup {
    html! {
        @if !notes.is_empty() {
            ul.notes {
                @for note in notes {
                    li { (note) }
                }
            }
        }
    }
}
