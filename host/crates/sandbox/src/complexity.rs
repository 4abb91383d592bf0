//! What compiling and instantiating a file would cost, counted from its sections before either is done.
//!
//! A component may hold others and instantiate each of them many times. wasmtime unfolds all of that when it compiles, so a
//! file of a thousand bytes can stand for a thousand million instances. And a single function is compiled as a whole:
//! what its allocation of registers takes grows faster than it does.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef,
    Instance, Parser, Payload,
};

use crate::admission::LoadErrorKind;
use crate::engine::{CORE_INSTANCES_PER_CALL, MEMORIES_PER_CALL, TABLES_PER_CALL, TABLES_PER_COMPONENT};
use crate::limits::Limits;
use crate::outline::broken;

/// What one instantiation makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Made {
    /// Instances of core modules.
    core: u64,
    /// Instances of components.
    nested: u64,
    memories: u64,
    tables: u64,
}

impl Made {
    /// Of what somebody else will hand in: nobody can say.
    const UNKNOWN: Made = Made { core: u64::MAX, nested: u64::MAX, memories: u64::MAX, tables: u64::MAX };

    fn add(&mut self, more: Made) {
        let Made { core, nested, memories, tables } = more;
        self.core = self.core.saturating_add(core);
        self.nested = self.nested.saturating_add(nested);
        self.memories = self.memories.saturating_add(memories);
        self.tables = self.tables.saturating_add(tables);
    }
}

/// A component or a module that is being read.
#[derive(Debug, Default)]
struct Level {
    is_module: bool,
    /// The components that it can name, by index.
    components: Vec<Made>,
    /// The core modules.
    modules: Vec<Made>,
    /// What instantiating it makes.
    makes: Made,
}

/// What of a file costs more than its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complexity {
    makes: Made,
    depth: usize,
    function_bytes: usize,
}

impl Complexity {
    /// Stops where components nest deeper than the limit.
    pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Complexity, LoadErrorKind> {
        let mut complexity = Complexity::default();
        let mut levels = vec![Level::default()];
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| broken(&error))?;
            match payload {
                Payload::ModuleSection { .. } => {
                    levels.push(Level { is_module: true, ..Level::default() });
                }
                Payload::ComponentSection { .. } => {
                    levels.push(Level::default());
                    complexity.depth = complexity.depth.max(levels.len() - 1);
                    complexity.check_depth(limits)?;
                }
                Payload::MemorySection(section) => {
                    add(&mut levels, |made| &mut made.memories, section.count())
                }
                Payload::TableSection(section) => add(&mut levels, |made| &mut made.tables, section.count()),
                Payload::CodeSectionEntry(body) => {
                    complexity.function_bytes = complexity.function_bytes.max(body.range().len());
                }
                Payload::End(_) => {
                    let Some(ended) = levels.pop() else { continue };
                    match levels.last_mut() {
                        Some(outer) if ended.is_module => outer.modules.push(ended.makes),
                        Some(outer) => outer.components.push(ended.makes),
                        None => complexity.makes = ended.makes,
                    }
                }
                _ => section(payload, &mut levels).map_err(|error| broken(&error))?,
            }
        }
        Ok(complexity)
    }

    /// How many usual calls' room in the pool one call takes. The pool fails where it is full, so what is counted must be
    /// what is taken.
    pub(crate) fn room(&self) -> u32 {
        let Made { core, nested: _, memories, tables } = self.makes;
        let usual =
            [(core, CORE_INSTANCES_PER_CALL), (memories, MEMORIES_PER_CALL), (tables, TABLES_PER_CALL)];
        let room =
            usual.into_iter().map(|(needed, usual)| needed.div_ceil(u64::from(usual))).fold(1, u64::max);
        u32::try_from(room).unwrap_or(u32::MAX)
    }

    fn check_depth(&self, limits: &Limits) -> Result<(), LoadErrorKind> {
        if self.depth <= limits.component_depth {
            return Ok(());
        }
        let needs = "components inside each other beyond it".to_owned();
        Err(LoadErrorKind::TooBig {
            needs,
            name: "component_depth",
            limit: limits.component_depth.to_string(),
        })
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), LoadErrorKind> {
        let too_big = |needs: String, name, limit: String| Err(LoadErrorKind::TooBig { needs, name, limit });
        let Complexity { makes: Made { core, nested, memories, tables }, depth: _, function_bytes } = *self;
        if core > u64::from(limits.core_instances) {
            let needs = format!("{} core instances", counted(core));
            return too_big(needs, "core_instances", limits.core_instances.to_string());
        }
        if nested > u64::from(limits.component_instances) {
            let needs = format!("{} instances of components inside it", counted(nested));
            return too_big(needs, "component_instances", limits.component_instances.to_string());
        }
        for (count, what, name, limit) in [
            (memories, "memories", "memories of a component", MEMORIES_PER_CALL),
            (tables, "tables", "tables of a component", TABLES_PER_COMPONENT),
        ] {
            if count > u64::from(limit) {
                return too_big(format!("{} {what}", counted(count)), name, limit.to_string());
            }
        }
        if function_bytes > limits.function_bytes {
            let needs = format!("a function of {function_bytes} bytes compiled");
            return too_big(needs, "function_bytes", limits.function_bytes.to_string());
        }
        self.check_depth(limits)
    }
}

fn counted(instances: u64) -> String {
    if instances == u64::MAX { "nobody can count how many".to_owned() } else { instances.to_string() }
}

/// Follows what a section adds to the innermost component.
fn section(payload: Payload<'_>, levels: &mut [Level]) -> wasmparser::Result<()> {
    let (outer, level) = match levels {
        [outer @ .., level] => (outer, level),
        [] => return Ok(()),
    };
    match payload {
        Payload::InstanceSection(section) => {
            for instance in section {
                if let Instance::Instantiate { module_index, args: _ } = instance? {
                    level.makes.add(Made { core: 1, ..Made::default() });
                    level.makes.add(at(&level.modules, module_index));
                }
            }
        }
        Payload::ComponentInstanceSection(section) => {
            for instance in section {
                if let ComponentInstance::Instantiate { component_index, args: _ } = instance? {
                    level.makes.add(Made { nested: 1, ..Made::default() });
                    level.makes.add(at(&level.components, component_index));
                }
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section {
                match import?.ty {
                    ComponentTypeRef::Component(_) => level.components.push(Made::UNKNOWN),
                    ComponentTypeRef::Module(_) => level.modules.push(Made::UNKNOWN),
                    _ => {}
                }
            }
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section {
                follow(&alias?, outer, level);
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section {
                let export = export?;
                match export.kind {
                    ComponentExternalKind::Component => {
                        level.components.push(at(&level.components, export.index));
                    }
                    ComponentExternalKind::Module => level.modules.push(at(&level.modules, export.index)),
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// An index that leads nowhere is no valid component: compiling says so, and instantiates nothing.
fn at(made: &[Made], index: u32) -> Made {
    made.get(index as usize).copied().unwrap_or_default()
}

/// A name for what stands further out, or in an instance.
fn follow(alias: &ComponentAlias<'_>, outer: &[Level], level: &mut Level) {
    match *alias {
        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
            level.components.push(Made::UNKNOWN);
        }
        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => {
            level.modules.push(Made::UNKNOWN);
        }
        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
            let made = from(outer, level, count).map(|from| at(&from.components, index));
            level.components.push(made.unwrap_or_default());
        }
        ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
            let made = from(outer, level, count).map(|from| at(&from.modules, index));
            level.modules.push(made.unwrap_or_default());
        }
        ComponentAlias::InstanceExport { .. }
        | ComponentAlias::CoreInstanceExport { .. }
        | ComponentAlias::Outer { .. } => {}
    }
}

/// So many components further out.
fn from<'a>(outer: &'a [Level], level: &'a Level, count: u32) -> Option<&'a Level> {
    match count as usize {
        0 => Some(level),
        count => outer.get(outer.len().checked_sub(count)?),
    }
}

fn add(levels: &mut [Level], which: impl Fn(&mut Made) -> &mut u64, count: u32) {
    if let Some(level) = levels.last_mut() {
        let counted = which(&mut level.makes);
        *counted = counted.saturating_add(u64::from(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Complexity {
        Complexity::read(&wat::parse_str(text).unwrap(), &Limits::default()).unwrap()
    }

    fn makes(text: &str) -> (u64, u64) {
        let Made { core, nested, memories: _, tables: _ } = read(text).makes;
        (core, nested)
    }

    #[test]
    fn instances_are_counted_through_components_and_aliases() {
        assert_eq!(makes("(component)"), (0, 0));
        assert_eq!(makes("(component (core module $m) (core instance (instantiate $m)))"), (1, 0));
        let inside = "(component $c (core module $m) (core instance (instantiate $m)) (core instance (instantiate $m)))";
        assert_eq!(makes(&format!("(component {inside})")), (0, 0));
        assert_eq!(makes(&format!("(component {inside} (instance (instantiate $c)))")), (2, 1));
        let twice = "(component $d (instance (instantiate $c)) (instance (instantiate $c)))";
        assert_eq!(makes(&format!("(component {inside} {twice} (instance (instantiate $d)))")), (4, 3));
        let exported = "(export $e \"e\" (component $c)) (instance (instantiate $e))";
        assert_eq!(makes(&format!("(component {inside} {exported})")), (2, 1));
    }

    #[test]
    fn memories_and_tables_are_counted_for_each_instance_of_a_module() {
        let module = "(core module $m (memory 1) (table 1 funcref) (table 1 funcref))";
        let instance = "(core instance (instantiate $m))";
        let made = |text: &str| {
            let Made { core, nested: _, memories, tables } = read(text).makes;
            (core, memories, tables)
        };
        assert_eq!(made(&format!("(component {module})")), (0, 0, 0));
        assert_eq!(made(&format!("(component {module} {instance} {instance})")), (2, 2, 4));
        let inside = format!("(component $c {instance})");
        assert_eq!(made(&format!("(component {module} {inside} (instance (instantiate $c)))")), (1, 1, 2));
    }

    #[test]
    fn a_call_takes_the_room_of_what_it_makes() {
        let room = |core, memories, tables| {
            let makes = Made { core, nested: 0, memories, tables };
            Complexity { makes, ..Complexity::default() }.room()
        };
        assert_eq!((room(0, 0, 0), room(3, 1, 2), room(6, 2, 4)), (1, 1, 1));
        assert_eq!((room(7, 1, 2), room(13, 1, 2), room(3, 1, 5)), (2, 3, 2));
    }

    #[test]
    fn a_component_from_elsewhere_counts_as_without_end() {
        let text = r#"(component (import "a" (component $c)) (instance (instantiate $c)))"#;
        assert_eq!(makes(text), (u64::MAX, u64::MAX));
        let error = read(text).check(&Limits::default()).unwrap_err();
        assert!(error.to_string().contains("core_instances"), "{error}");
    }

    #[test]
    fn each_limit_holds_at_the_limit_and_one_past_it() {
        let makes = Made { core: 3, nested: 2, ..Made::default() };
        let complexity = Complexity { makes, depth: 1, function_bytes: 100 };
        let limits = || Limits {
            core_instances: 3,
            component_instances: 2,
            component_depth: 1,
            function_bytes: 100,
            ..Limits::default()
        };
        assert_eq!(complexity.check(&limits()), Ok(()));
        for (name, past) in [
            ("core_instances", Limits { core_instances: 2, ..limits() }),
            ("component_instances", Limits { component_instances: 1, ..limits() }),
            ("component_depth", Limits { component_depth: 0, ..limits() }),
            ("function_bytes", Limits { function_bytes: 99, ..limits() }),
        ] {
            let error = complexity.check(&past).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn reading_stops_at_the_depth() {
        let limits = Limits { component_depth: 1, ..Limits::default() };
        let read = |text: &str| Complexity::read(&wat::parse_str(text).unwrap(), &limits);
        assert!(read("(component (component))").is_ok());
        assert!(matches!(read("(component (component (component)))"), Err(LoadErrorKind::TooBig { .. })));
    }
}
