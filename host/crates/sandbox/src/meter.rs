//! Counts the memory of one instance, and of all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

use crate::stop::Stop;

/// Linear memory of the whole host.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: usize,
    used: AtomicUsize,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> MemoryBudget {
        MemoryBudget { limit, used: AtomicUsize::new(0) }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|&after| after <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One store's meter. Errors instead of refusing quietly: a guest's allocator turns a refused growth into a bare abort,
/// and nobody would learn which limit it was.
pub(crate) struct Meter {
    budget: Arc<MemoryBudget>,
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
        Meter { budget, name, limit, table_elements, held: 0 }
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
        if !self.budget.take(more) {
            return Err(Stop::Busy(format!(
                "all plugins together hold {} bytes, and all_memory_bytes is {}",
                self.budget.used(),
                self.budget.limit
            ))
            .into());
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

    fn meter(budget: &Arc<MemoryBudget>) -> Meter {
        Meter::new(Arc::clone(budget), "connector_memory_bytes", 100, 10)
    }

    #[test]
    fn memory_is_given_up_to_the_limit_and_not_one_byte_more() {
        let budget = Arc::new(MemoryBudget::new(1000));
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
        let budget = Arc::new(MemoryBudget::new(150));
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
}
