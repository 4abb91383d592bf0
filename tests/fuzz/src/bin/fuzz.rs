//! The fuzzer: libFuzzer around one target, which `HELIU_FUZZ_TARGET` names. `cargo xtask fuzz` builds and starts it.
//!
//! `HELIU_FUZZ_SEEDS` names a folder instead: then the target's seeds are written there, and nothing else is done.
#![no_main]
#![expect(unsafe_code, reason = "libFuzzer calls a function by its bare name")]

use std::sync::OnceLock;

use fuzz::Target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("HELIU_FUZZ_TARGET").unwrap_or_default();
    fuzz::target(&name).unwrap_or_else(|| panic!("no target is called {name:?}"))
}

fn begin() {
    let target = TARGET.get_or_init(chosen);
    if let Some(folder) = std::env::var_os("HELIU_FUZZ_SEEDS") {
        let seeds =
            (target.seeds)().unwrap_or_else(|error| panic!("the seeds of {}: {error:#}", target.name));
        for (at, seed) in seeds.iter().enumerate() {
            let path = std::path::Path::new(&folder).join(format!("{at:04}"));
            std::fs::write(&path, seed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        std::process::exit(0);
    }
}

libfuzzer_sys::fuzz_target!(init: begin(), |bytes: &[u8]| {
    (TARGET.get_or_init(chosen).run)(bytes);
});
