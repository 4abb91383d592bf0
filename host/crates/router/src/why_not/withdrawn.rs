//! An intent that was meant once and is not any more.

use std::sync::Arc;

use model::{CustomerId, HeldIntent, Record};
use store::Store;

use super::life::Life;
use super::{Reason, Target};
use crate::{Plugins, RouterError, Walk};

impl Life<'_> {
    /// None: no intent was asked for, or it is not one that has lost its ground.
    pub(super) fn withdrawn(&self, plugins: &Arc<dyn Plugins>) -> Result<Option<Reason>, RouterError> {
        let Some(Target::Intent(key)) = self.target else { return Ok(None) };
        let is = |held: &&HeldIntent| {
            held.binding == self.binding.name && held.intent.key == *key && held.unfounded
        };
        let Some(held) = self.customer.intents.iter().find(is) else { return Ok(None) };
        let ground = self.ground(plugins, &held.id)?;
        Ok(Some(Reason::Withdrawn { cause: held.cause.clone(), state: held.state, ground }))
    }

    /// The record at which nothing intended it any more. None: her records, folded by themselves, have no such moment.
    fn ground(&self, plugins: &Arc<dyn Plugins>, id: &str) -> Result<Option<Box<Record>>, RouterError> {
        let mut ids: Vec<CustomerId> = self.customer.merged.clone();
        ids.push(self.customer.id);
        let mut walk = Walk::begin(self.slice, Arc::clone(plugins))?;
        let (mut was, mut ground) = (false, None);
        while let Some(moment) = walk.step(self.upto)? {
            let people = walk.store().load(&ids)?;
            let intents = people.iter().flatten().flat_map(|customer| &customer.intents);
            let is = intents.into_iter().any(|held| held.id == id && held.unfounded);
            if is && !was {
                ground = moment.record;
            }
            was = is;
        }
        Ok(ground.and_then(|position| self.slice.at(position).cloned()).map(Box::new))
    }
}
