//! A host that dies: at every fail point, at random moments, in the middle of a write. What was answered is there, once; the
//! store is what the journal gives; nothing is carried twice; and it goes on.

pub mod disk;
mod points;
mod torn;

use tests::soak::Soak;

/// Ends of random lives. `cargo xtask soak` has as many as one likes.
const KILLS: u64 = 24;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost_and_nothing_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    crate::stage::warm(&folder.path().join("heliu.toml")).await;
    let soak = Soak::new(20_261_126, folder.path()).await.unwrap();
    let soaked = match soak.run(KILLS, |_| ()).await {
        Ok(soaked) => soaked,
        // Which moments the ends fell on comes once only: whoever looks into it needs what they left.
        Err(error) => panic!("{error:#}; the folder is kept: {}", folder.keep().display()),
    };
    assert!(soaked.verdict.answered > 160, "{soaked:?}");
    assert!(soaked.verdict.errands > 0 && soaked.verdict.points > 0, "{soaked:?}");
    assert!(soaked.killed > 0 && soaked.died_at.len() > 3, "{soaked:?}");
}
