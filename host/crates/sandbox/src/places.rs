//! Places for connectors' calls: as many as the pool of instances has room for, shared so that nobody takes them all. However many
//! connections hang, one that does not is called at once.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::shares::{Part, Shares};

/// Places that are left for a connection, whatever the others do, where there are enough: a guest of another language counts as
/// two or three.
const LEFT: Part = Part { each_max: 4, of: 1 };

pub(crate) struct Places {
    taken: Mutex<Shares>,
    freed: Notify,
}

/// Places that a call holds.
pub(crate) struct Room {
    places: Arc<Places>,
    connection: String,
    count: usize,
}

impl Places {
    pub(crate) fn new(all: usize) -> Arc<Places> {
        Arc::new(Places { taken: Mutex::new(Shares::new(all, LEFT)), freed: Notify::new() })
    }

    /// The connections that are configured from here on, each with the most places that its calls may hold together.
    pub(crate) fn share(&self, shares: impl IntoIterator<Item = (String, usize)>) {
        self.lock().share(shares);
        self.freed.notify_waiters();
    }

    /// Waits for so many places.
    pub(crate) async fn take(self: &Arc<Places>, connection: &str, count: usize) -> Room {
        loop {
            let mut freed = pin!(self.freed.notified());
            // From here on no end of a call is missed.
            freed.as_mut().enable();
            if self.lock().take(connection, count) {
                return Room { places: Arc::clone(self), connection: connection.to_owned(), count };
            }
            freed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.places.lock().give_back(&self.connection, self.count);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_goes_on_when_a_call_ends() {
        let places = Places::new(1);
        places.share([("a".to_owned(), 1)]);
        let first = places.take("a", 1).await;
        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { drop(places.take("a", 1).await) }
        });
        // Let go of before or after the other began to wait: neither is missed.
        tokio::task::yield_now().await;
        drop(first);
        waiting.await.unwrap();
        assert_eq!(places.lock().taken(), 0);
    }
}
