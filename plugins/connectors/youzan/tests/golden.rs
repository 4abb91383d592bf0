//! Every golden, natively and, where the host is built, in the sandbox. README.md says how to add one.

use std::path::Path;

use heliu_sdk::harness;
use youzan::Youzan;

#[path = "support/signed.rs"]
mod signed;

#[test]
fn goldens() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let bless = std::env::var_os("HELIU_BLESS").is_some_and(|value| value == "1");
    signed::check(Path::new(folder), bless);
    harness::full_connector_goldens::<Youzan>(folder);
}
