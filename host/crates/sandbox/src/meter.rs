//! Counts the memory of one instance, and of all together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::ResourceLimiter;

use crate::limits::Limits;
use crate::shares::{Part, Shares};
use crate::stop::Stop;

/// Linear memory that many instances share: the host's, and within it that of some plugins.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    /// The limit's name in `Limits`.
    name: &'static str,
    limit: usize,
    used: AtomicUsize,
    /// What is taken here is taken there, too.
    within: Option<Arc<MemoryBudget>>,
    /// All of it is one plugin's: reaching the limit is its own doing.
    of_one: bool,
}

impl MemoryBudget {
    pub(crate) fn of_all(limits: &Limits) -> Arc<MemoryBudget> {
        let (name, limit) = ("all_memory_bytes", limits.all_memory_bytes);
        Arc::new(MemoryBudget { name, limit, used: AtomicUsize::new(0), within: None, of_one: false })
    }

    pub(crate) fn of_connectors(limits: &Limits, all: &Arc<MemoryBudget>) -> Arc<MemoryBudget> {
        let (name, limit) = ("connectors_memory_bytes", limits.connectors_memory_bytes);
        let within = Some(Arc::clone(all));
        Arc::new(MemoryBudget { name, limit, used: AtomicUsize::new(0), within, of_one: false })
    }

    pub(crate) fn of_one_connector(limits: &Limits, connectors: &Arc<MemoryBudget>) -> Arc<MemoryBudget> {
        let (name, limit) = ("one_connector_memory_bytes", limits.one_connector_memory_bytes);
        let within = Some(Arc::clone(connectors));
        Arc::new(MemoryBudget { name, limit, used: AtomicUsize::new(0), within, of_one: true })
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// All of it, or nothing and why.
    fn take(&self, bytes: usize) -> Result<(), Stop> {
        let fits = |used: usize| used.checked_add(bytes).filter(|&after| after <= self.limit);
        if let Err(used) = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            return Err(self.full(used));
        }
        let Some(within) = &self.within else { return Ok(()) };
        let taken = within.take(bytes);
        if taken.is_err() {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
    }

    fn full(&self, used: usize) -> Stop {
        if self.of_one {
            let text = format!("its calls together hold {used} bytes, and asked for more");
            return Stop::limit(self.name, self.limit, text);
        }
        Stop::Busy(format!("the plugins hold {used} bytes together, and {} is {}", self.name, self.limit))
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(within) = &self.within {
            within.give_back(bytes);
        }
    }
}

/// Memory that is left for each connection, whatever the others hold: some calls of Rust guests, or one of a JavaScript guest. Half
/// of it all is shared out, where there are many connections.
const LEFT: Part = Part { each_max: 32 << 20, of: 2 };

/// Linear memory of all connectors, by the connection that is called for.
pub(crate) struct MemoryShares {
    limit: usize,
    most: usize,
    taken: Mutex<Shares>,
}

impl MemoryShares {
    pub(crate) fn new(limits: &Limits) -> Arc<MemoryShares> {
        let Limits { connectors_memory_bytes: limit, one_connector_memory_bytes: most, .. } = *limits;
        Arc::new(MemoryShares { limit, most, taken: Mutex::new(Shares::new(limit, LEFT)) })
    }

    /// The connections that are configured from here on.
    pub(crate) fn share(&self, connections: impl IntoIterator<Item = String>) {
        self.lock().share(connections.into_iter().map(|connection| (connection, self.most)));
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call holds of its connection's part.
pub(crate) struct Portion {
    of: Arc<MemoryShares>,
    connection: String,
    held: usize,
}

impl Portion {
    pub(crate) fn new(of: &Arc<MemoryShares>, connection: &str) -> Portion {
        Portion { of: Arc::clone(of), connection: connection.to_owned(), held: 0 }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Stop> {
        let mut taken = self.of.lock();
        if !taken.take(&self.connection, bytes) {
            return Err(Stop::Busy(format!(
                "connection \"{}\": the connectors hold {} bytes together, and what is left of connectors_memory_bytes ({}) is kept \
                 for other connections",
                self.connection,
                taken.taken(),
                self.of.limit
            )));
        }
        self.held += bytes;
        Ok(())
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.of.lock().give_back(&self.connection, self.held);
    }
}

/// One store's meter. Errors instead of refusing quietly: a guest's allocator turns a refused growth into a bare abort,
/// and nobody would learn which limit it was.
pub(crate) struct Meter {
    budget: Arc<MemoryBudget>,
    /// Where a connection is called: what it leaves for others.
    portion: Option<Portion>,
    /// The limit's name in `Limits`, for the message.
    name: &'static str,
    limit: usize,
    table_elements: usize,
    held: usize,
}

impl Meter {
    pub(crate) fn new(
        budget: Arc<MemoryBudget>,
        name: &'static str,
        limit: usize,
        table_elements: usize,
    ) -> Meter {
        Meter { budget, portion: None, name, limit, table_elements, held: 0 }
    }

    /// Takes it out of a connection's part, too.
    pub(crate) fn within(mut self, portion: Portion) -> Meter {
        self.portion = Some(portion);
        self
    }

    /// Memory that the instance holds. It never shrinks, so this is its peak, too.
    pub(crate) fn held(&self) -> usize {
        self.held
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.budget.give_back(self.held);
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let after = self.held.saturating_add(more);
        if after > self.limit {
            return Err(Stop::limit(self.name, self.limit, format!("it asked for {after} bytes")).into());
        }
        self.budget.take(more)?;
        if let Some(portion) = &mut self.portion
            && let Err(busy) = portion.take(more)
        {
            self.budget.give_back(more);
            return Err(busy.into());
        }
        self.held = after;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            let text = format!("it asked for a table of {desired}");
            return Err(Stop::limit("table_elements", self.table_elements, text).into());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(bytes: usize) -> Arc<MemoryBudget> {
        MemoryBudget::of_all(&Limits { all_memory_bytes: bytes, ..Limits::default() })
    }

    fn meter(budget: &Arc<MemoryBudget>) -> Meter {
        Meter::new(Arc::clone(budget), "connector_memory_bytes", 100, 10)
    }

    #[test]
    fn memory_is_given_up_to_the_limit_and_not_one_byte_more() {
        let budget = budget(1000);
        let mut meter = meter(&budget);
        assert!(meter.memory_growing(0, 60, None).is_ok());
        assert!(meter.memory_growing(0, 40, None).is_ok());
        let error = meter.memory_growing(60, 61, None).unwrap_err();
        assert!(error.to_string().contains("connector_memory_bytes"), "{error}");
        assert!(meter.table_growing(0, 10, None).is_ok());
        assert!(meter.table_growing(0, 11, None).is_err());
    }

    #[test]
    fn what_an_instance_held_is_free_again_when_it_ends() {
        let budget = budget(150);
        let mut first = meter(&budget);
        let mut second = meter(&budget);
        assert!(first.memory_growing(0, 100, None).is_ok());
        let error = second.memory_growing(0, 51, None).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Stop::Busy(_))), "{error}");
        drop(first);
        assert!(second.memory_growing(0, 51, None).is_ok());
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn one_connector_leaves_room_for_others_and_all_of_them_for_policies() {
        let limits = Limits {
            all_memory_bytes: 100,
            connectors_memory_bytes: 80,
            one_connector_memory_bytes: 50,
            ..Limits::default()
        };
        let all = MemoryBudget::of_all(&limits);
        let connectors = MemoryBudget::of_connectors(&limits, &all);
        let one = || MemoryBudget::of_one_connector(&limits, &connectors);
        let (greedy, other) = (one(), one());
        let full = greedy.take(51).unwrap_err();
        assert!(matches!(full, Stop::Limit { name: "one_connector_memory_bytes", .. }), "{full}");
        assert!(greedy.take(50).is_ok());
        let busy = other.take(31).unwrap_err();
        assert!(busy.to_string().contains("connectors_memory_bytes"), "{busy}");
        // What was refused further up is held nowhere.
        assert_eq!((other.used(), connectors.used(), all.used()), (0, 50, 50));
        assert!(other.take(30).is_ok());
        assert!(all.take(20).is_ok());
        assert!(all.take(1).is_err());
        greedy.give_back(50);
        assert_eq!((greedy.used(), connectors.used(), all.used()), (0, 30, 50));
    }

    #[test]
    fn what_a_connection_leaves_for_others_is_theirs_and_what_was_refused_is_held_nowhere() {
        let limits =
            Limits { connectors_memory_bytes: 120, one_connector_memory_bytes: 120, ..Limits::default() };
        let (all, shares) = (budget(1000), MemoryShares::new(&limits));
        shares.share(["a".to_owned(), "b".to_owned()]);
        let of = |connection: &str| meter(&all).within(Portion::new(&shares, connection));
        let (mut a, mut again, mut b) = (of("a"), of("a"), of("b"));
        assert!(a.memory_growing(0, 80, None).is_ok());
        let error = again.memory_growing(0, 11, None).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Stop::Busy(_))), "{error}");
        assert!(
            error.to_string().contains("connection \"a\"") && error.to_string().contains("kept"),
            "{error}"
        );
        assert_eq!((all.used(), again.held()), (80, 0));
        assert!(again.memory_growing(0, 10, None).is_ok());
        assert!(b.memory_growing(0, 30, None).is_ok());
        drop((a, again, b));
        assert_eq!((all.used(), shares.lock().taken()), (0, 0));
    }
}
