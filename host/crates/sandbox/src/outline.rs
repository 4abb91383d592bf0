//! What a file is, read from its sections before anything is compiled.
//!
//! Compiling costs seconds and a process, so a file that will be refused is refused here. The types are
//! judged again after compiling, on what wasmtime says.

use abi::v0_1 as wit;
use wasmparser::{Encoding, Parser, Payload};

use crate::admission::LoadErrorKind;
use crate::engine::Class;
use crate::imports::{Grants, Import};
use crate::limits::Limits;

const COMPONENT_MAGIC: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
const CORE_MAGIC: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

/// The names that a component imports and exports, and the most that one of its modules begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    memory_pages: u64,
    table_elements: u64,
}

const PAGE_BYTES: u64 = 64 << 10;

impl Outline {
    pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Outline, LoadErrorKind> {
        if bytes.len() > limits.component_bytes {
            return Err(LoadErrorKind::TooLarge { bytes: bytes.len(), limit: limits.component_bytes });
        }
        check_magic(bytes)?;
        let mut outline = Outline::default();
        let mut depth = 0usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| broken(&error))?;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(LoadErrorKind::CoreModule);
                }
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        outline.imports.push(import.map_err(|error| broken(&error))?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        outline.exports.push(export.map_err(|error| broken(&error))?.name.name.to_owned());
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        let pages = memory.map_err(|error| broken(&error))?.initial;
                        outline.memory_pages = outline.memory_pages.max(pages);
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        let elements = table.map_err(|error| broken(&error))?.ty.initial;
                        outline.table_elements = outline.table_elements.max(elements);
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    /// Whose part it plays.
    pub(crate) fn class(&self) -> Result<Class, LoadErrorKind> {
        let exports = |name: &str| self.exports.iter().any(|export| export == name);
        match (exports(wit::ABOUT_CONNECTOR), exports(wit::POLICY)) {
            (true, false) => Ok(Class::Connector),
            (false, true) => Ok(Class::Policy),
            (true, true) => Err(LoadErrorKind::BothRoles),
            (false, false) => Err(self.no_role()),
        }
    }

    fn no_role(&self) -> LoadErrorKind {
        let ours = format!("{}/", wit::PACKAGE);
        let offered: Vec<String> =
            self.exports.iter().filter(|name| name.starts_with(&ours)).cloned().collect();
        let other_version =
            |name: &&String| name.rsplit_once('@').is_some_and(|(_, version)| version != wit::VERSION);
        match offered.iter().find(other_version) {
            Some(name) => LoadErrorKind::OtherVersion { offered: name.clone() },
            None => LoadErrorKind::NoRole { exports: self.exports.clone() },
        }
    }

    /// Would an instance of it fit? Said here, because wasmtime's own words come late and name no limit of ours.
    pub(crate) fn check_size(&self, class: Class, limits: &Limits) -> Result<(), LoadErrorKind> {
        let (name, memory) = match class {
            Class::Connector => ("connector_memory_bytes", limits.connector_memory_bytes),
            Class::Policy => ("policy_memory_bytes", limits.policy_memory_bytes),
        };
        let initial = self.memory_pages.saturating_mul(PAGE_BYTES);
        if initial > memory as u64 {
            let needs = format!("{initial} bytes of memory to begin with");
            return Err(LoadErrorKind::TooBig { needs, name, limit: memory.to_string() });
        }
        if self.table_elements > limits.table_elements as u64 {
            let needs = format!("a table of {} elements to begin with", self.table_elements);
            let (name, limit) = ("table_elements", limits.table_elements.to_string());
            return Err(LoadErrorKind::TooBig { needs, name, limit });
        }
        Ok(())
    }
}

fn check_magic(bytes: &[u8]) -> Result<(), LoadErrorKind> {
    if bytes.starts_with(&COMPONENT_MAGIC) {
        Ok(())
    } else if bytes.starts_with(&CORE_MAGIC) {
        Err(LoadErrorKind::CoreModule)
    } else if bytes.starts_with(b"\x7fELF") {
        Err(LoadErrorKind::Precompiled)
    } else {
        Err(LoadErrorKind::NotWasm)
    }
}

pub(crate) fn broken(error: &wasmparser::BinaryReaderError) -> LoadErrorKind {
    let reason = error.to_string();
    if reason.contains("unexpected end") {
        LoadErrorKind::Truncated { reason }
    } else {
        LoadErrorKind::Malformed { reason }
    }
}

/// Is there nothing among the imports but what the role may have, and what is granted?
pub(crate) fn check_imports(imports: &[String], class: Class, grants: &Grants) -> Result<(), LoadErrorKind> {
    imports.iter().try_for_each(|import| check_import(import, class, grants))
}

fn check_import(import: &str, class: Class, grants: &Grants) -> Result<(), LoadErrorKind> {
    if wit::TYPES.contains(&import) {
        return Ok(());
    }
    let refuse = |mend: String| Err(LoadErrorKind::Import { import: import.to_owned(), mend });
    if import.starts_with("wasi:") {
        return refuse(
            "plugins get no WASI: build Rust for wasm32-unknown-unknown, Python with componentize-py --stub-wasi, \
             JavaScript with all WASI features disabled"
                .to_owned(),
        );
    }
    let known = Import::ALL.into_iter().find(|known| known.interface() == import);
    match (known, class) {
        (Some(_), Class::Policy) => {
            refuse("a policy imports nothing: give it what it needs as settings or turns".to_owned())
        }
        (Some(known), Class::Connector) if grants.imports.contains(&known) => Ok(()),
        (Some(known), Class::Connector) => refuse(format!("grant it \"{}\"", known.name())),
        (None, _) => {
            let known: Vec<&str> = Import::ALL.into_iter().map(Import::interface).collect();
            refuse(format!("the host offers {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Outline, LoadErrorKind> {
        Outline::read(&wat::parse_str(text).unwrap(), &Limits::default())
    }

    fn exporting(names: &[&str]) -> Outline {
        Outline { exports: names.iter().map(|&name| name.to_owned()).collect(), ..Outline::default() }
    }

    #[test]
    fn only_the_outermost_names_count() {
        let outline = read(
            r#"(component
                (import "a:b/c" (instance))
                (component (import "d:e/f" (instance)))
                (core module (func (export "g")))
                (instance $i)
                (export "h:i/j" (instance $i)))"#,
        )
        .unwrap();
        assert_eq!((outline.imports, outline.exports), (vec!["a:b/c".to_owned()], vec!["h:i/j".to_owned()]));
    }

    #[test]
    fn files_that_are_no_component_say_what_they_are() {
        assert!(matches!(read("(module)"), Err(LoadErrorKind::CoreModule)));
        let limits = Limits::default();
        assert!(matches!(Outline::read(b"\x7fELF....", &limits), Err(LoadErrorKind::Precompiled)));
        assert!(matches!(Outline::read(b"", &limits), Err(LoadErrorKind::NotWasm)));
        assert!(matches!(Outline::read(b"(component)", &limits), Err(LoadErrorKind::NotWasm)));
    }

    #[test]
    fn a_truncated_file_is_refused_wherever_it_ends() {
        let whole =
            wat::parse_str(r#"(component (core module (func (export "f"))) (import "a:b/c" (instance)))"#)
                .unwrap();
        let limits = Limits::default();
        assert!(Outline::read(&whole, &limits).is_ok());
        for end in 0..whole.len() {
            // A cut between two sections leaves a smaller component: it is refused for what it lacks.
            if let Ok(outline) = Outline::read(&whole[..end], &limits) {
                assert!(outline.class().is_err(), "{end}");
            }
        }
    }

    #[test]
    fn a_file_passes_at_the_limit_and_not_one_byte_past_it() {
        let bytes = wat::parse_str("(component)").unwrap();
        let limit = |component_bytes| Limits { component_bytes, ..Limits::default() };
        assert!(Outline::read(&bytes, &limit(bytes.len())).is_ok());
        assert!(matches!(
            Outline::read(&bytes, &limit(bytes.len() - 1)),
            Err(LoadErrorKind::TooLarge { .. })
        ));
    }

    #[test]
    fn a_component_plays_one_part_in_a_known_version() {
        assert_eq!(exporting(&[wit::POLICY]).class().ok(), Some(Class::Policy));
        assert_eq!(exporting(&[wit::WEBHOOK, wit::ABOUT_CONNECTOR]).class().ok(), Some(Class::Connector));
        assert!(matches!(
            exporting(&[wit::POLICY, wit::ABOUT_CONNECTOR]).class(),
            Err(LoadErrorKind::BothRoles)
        ));
        assert!(matches!(exporting(&["run"]).class(), Err(LoadErrorKind::NoRole { .. })));
        let newer = exporting(&["heliu:plugin/policy@0.9.0"]).class();
        assert!(matches!(newer, Err(LoadErrorKind::OtherVersion { .. })));
    }

    #[test]
    fn an_import_must_be_the_roles_and_granted() {
        let mend = |name: &str, class, grants: &Grants| {
            check_imports(&[name.to_owned()], class, grants).err().map(|error| error.to_string())
        };
        let (connector, policy) = (Class::Connector, Class::Policy);
        assert_eq!(mend("heliu:plugin/events@0.1.0", policy, &Grants::none()), None);
        assert_eq!(mend(wit::HTTP, connector, &Grants::all()), None);
        assert!(
            mend(wit::HTTP, connector, &Grants::none())
                .is_some_and(|text| text.contains("grant it \"http\""))
        );
        assert!(mend(wit::LOG, policy, &Grants::all()).is_some_and(|text| text.contains("imports nothing")));
        let wasi = mend("wasi:sockets/tcp@0.2.0", connector, &Grants::all()).unwrap();
        assert!(wasi.contains("wasi:sockets/tcp@0.2.0") && wasi.contains("--stub-wasi"), "{wasi}");
        assert!(mend("heliu:plugin/secrets@0.1.0", connector, &Grants::all()).is_some());
    }
}
