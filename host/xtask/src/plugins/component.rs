//! Makes a component of a core module, and refuses one that no host would load.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wit_component::{ComponentEncoder, DecodedWasm};

use super::Role;

/// The package of the contract: all that a plugin may import, and what it must export something of.
const CONTRACT: &str = "heliu:plugin/";

const MEND: &str = "a crate in it wants a clock, files or randomness of its own (getrandom, a time crate, std::fs); \
     take it out or switch that feature off: everything comes through heliu_sdk";

/// The component that this module holds. Its contract is in the module's custom sections, left there by the SDK.
pub fn from_module(module: &Path, role: Role) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("{} cannot be read", module.display()))?;
    let component = encode(&bytes)?;
    admit(&component, role)?;
    Ok(component)
}

fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| {
            format!("no component can be made of the compiled module; if an import is the reason: {MEND}")
        })
}

/// What the host's own admission would refuse is refused here, before anything is run.
fn admit(component: &[u8], role: Role) -> Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("the encoder gave a WIT package instead of a component");
    };
    // Only an interface with a function in it asks something of the host; one of types alone does not.
    let asks = |name: &str| {
        let found = resolve.interfaces.iter().find(|(id, _)| resolve.id_of(*id).as_deref() == Some(name));
        found.is_none_or(|(_, interface)| !interface.functions.is_empty())
    };
    let world = &resolve.worlds[world];
    for import in world.imports.keys().map(|key| resolve.name_world_key(key)) {
        if !import.starts_with(CONTRACT) {
            bail!("imports {import:?}, which no host grants; {MEND}");
        }
        if role == Role::Policy && asks(&import) {
            bail!("imports {import:?}, but a policy imports nothing: it decides from its turn alone");
        }
    }
    let mut exports = world.exports.keys().map(|key| resolve.name_world_key(key));
    if !exports.any(|export| export.starts_with(CONTRACT)) {
        bail!("exports nothing of {CONTRACT}; its src/lib.rs wants one of heliu_sdk's export macros");
    }
    Ok(())
}

/// Replaces the file in one step: a host or a test that reads it meanwhile sees the old component or the new one.
pub fn write(path: &Path, component: &[u8]) -> Result<()> {
    let folder = path.parent().context("a component's path has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&fresh, component).with_context(|| format!("{} cannot be written", fresh.display()))?;
    fs::rename(&fresh, path).with_context(|| format!("{} cannot be replaced", path.display()))
}

#[cfg(test)]
mod tests {
    use wit_component::{StringEncoding, embed_component_metadata};
    use wit_parser::Resolve;

    use super::*;

    /// A component that imports `now: func() -> u64` from the interface of this name.
    fn importing(package: &str, interface: &str) -> Vec<u8> {
        let wit = format!(
            "package {package}@0.1.0; interface {interface} {{ now: func() -> u64; }} world w {{ import {interface}; }}"
        );
        let (package, name) = (package.to_owned(), interface.to_owned());
        let module = importing_module(&format!("{package}/{name}@0.1.0"));
        encode(&described(module, &wit)).unwrap()
    }

    fn described(mut module: Vec<u8>, wit: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("test.wit", wit).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        module
    }

    /// `(module (import "<from>" "now" (func (result i64))))`
    fn importing_module(from: &str) -> Vec<u8> {
        let mut import = vec![1, u8::try_from(from.len()).unwrap()];
        import.extend(from.as_bytes());
        import.extend([3, b'n', b'o', b'w', 0, 0]);
        let mut module = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7e\x02".to_vec();
        module.push(u8::try_from(import.len()).unwrap());
        module.extend(import);
        module
    }

    #[test]
    fn an_import_from_outside_the_contract_is_refused_and_named() {
        let error = admit(&importing("wasi:clocks", "monotonic-clock"), Role::Connector).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(r#"imports "wasi:clocks/monotonic-clock@0.1.0", which no host grants"#)
        );
    }

    #[test]
    fn a_policy_that_imports_a_function_of_the_contract_is_refused() {
        let error = admit(&importing("heliu:plugin", "clock"), Role::Policy).unwrap_err();
        assert!(error.to_string().contains("a policy imports nothing"), "{error}");
    }

    #[test]
    fn a_component_that_exports_nothing_of_the_contract_is_refused() {
        let error = admit(&importing("heliu:plugin", "clock"), Role::Connector).unwrap_err();
        assert!(error.to_string().contains("export macros"), "{error}");
    }

    #[test]
    fn a_core_import_that_no_world_explains_is_refused_with_the_mend() {
        let module =
            described(importing_module("wasi_snapshot_preview1"), "package heliu:plugin@0.1.0; world w {}");
        assert!(format!("{:#}", encode(&module).unwrap_err()).contains("getrandom"));
    }
}
