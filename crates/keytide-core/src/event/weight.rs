//! What an event holds of memory: [`Event::weight`].

use super::{Event, EventKind};

impl Event {
    /// In bytes. Text that is shared with others is counted as if it were not: a queue may be the last to hold it.
    pub(super) fn weight(&self) -> usize {
        let shared =
            |text: &Option<std::sync::Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        // Of an `Arc`: two counts.
        let counts = 2 * size_of::<usize>();
        counts
            + size_of::<Self>()
            + shared(&self.cache)
            + shared(&self.principal)
            + self.provider.capacity()
            + self.kind.weight()
    }
}

impl EventKind {
    fn weight(&self) -> usize {
        match self {
            Self::Failed { message, .. } => message.capacity(),
            Self::Rejected { origin, .. } => origin.capacity(),
            Self::Refused { destination, .. } => destination.capacity(),
            Self::Used {
                destination,
                method,
                path,
                ..
            } => destination.capacity() + method.capacity() + path.capacity(),
            Self::PrincipalChanged { from, to, .. } => from.capacity() + to.capacity(),
            _ => 0,
        }
    }
}
