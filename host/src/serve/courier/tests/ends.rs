//! What is of no use any more when it is judged: it expires, and nobody is called.

use super::*;

fn until(key: &str, not_after: Instant) -> Intent {
    Intent { not_after: Some(not_after), ..intent(key, "direct-message") }
}

/// Asks to be woken an hour after it met somebody, and then intends something that is of use for an hour.
struct Reminds;

impl Plugins for Reminds {
    fn evaluate(&self, _: &Binding, turns: &[Turn<'_>]) -> Result<Vec<TurnOutcome>, PluginsError> {
        let decide = |turn: &Turn<'_>| {
            let change = match turn.happening {
                Happening::Fact { .. } => Change::Wake(Wake { key: "k".to_owned(), due: turn.now + HOUR }),
                Happening::Alarm { key: _, due } => Change::Intend(until("late", due + HOUR)),
            };
            let decisions = vec![Decision { why: "to look again".to_owned(), change }];
            TurnOutcome::Verdict(Verdict { decisions, memory: None })
        };
        Ok(turns.iter().map(decide).collect())
    }
}

fn reminding() -> Binding {
    let descriptor = PolicyDescriptor {
        title: String::new(),
        settings_schema: "{}".to_owned(),
        wants: vec!["told".to_owned()],
        tags: Vec::new(),
        journeys: Vec::new(),
        reads: Vec::new(),
    };
    Binding {
        name: "reminds".to_owned(),
        digest: Digest([7; 32]),
        settings: "{}".to_owned(),
        descriptor,
        carry: false,
        paused: None,
    }
}

#[tokio::test]
async fn what_is_proposed_after_its_end_expires_and_nobody_is_called() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", until("k", START - 1));
    world.carry().await;
    assert_eq!(world.steps("an", "k"), (vec![IntentState::Expired], "too-late".to_owned()));
    assert!(world.calls("wecom").is_empty());
}

#[tokio::test]
async fn what_waits_for_its_time_expires_when_nobody_carried_until_its_end() {
    let world = World::new(Plan::default());
    world.meet("an");
    world.propose("an", Intent { not_before: Some(START + HOUR), ..until("k", START + 2 * HOUR) });
    world.carry().await;
    assert_eq!(world.steps("an", "k"), (vec![IntentState::Held], "not-yet".to_owned()));
    // At its last instant it is of use; the host is away until one after it.
    world.pass(2 * HOUR + 1);
    world.carry().await;
    assert_eq!(
        world.steps("an", "k"),
        (vec![IntentState::Held, IntentState::Expired], "too-late".to_owned())
    );
    let held = world.held("an", "k");
    assert!(held.steps[1].reason.starts_with("it was of use up to "), "{}", held.steps[1].reason);
    assert!(world.calls("wecom").is_empty());
    // And at that instant it would have gone.
    world.meet("bo");
    world.propose("bo", until("k", START + 2 * HOUR + 1));
    world.carry().await;
    assert_eq!(world.held("bo", "k").state, IntentState::Sent);
}

/// A host that was away for a day: the alarm fires late, and what it intends is of no use any more.
#[tokio::test]
async fn what_a_late_alarm_intends_after_its_end_expires() {
    for (away, state) in [(HOUR, IntentState::Sent), (DAY, IntentState::Expired)] {
        let world = World::with(Plan::default(), Arc::new(Reminds), vec![reminding()]);
        world.meet("an");
        world.pass(away);
        world.settle();
        assert_eq!(world.held("an", "late").state, IntentState::Proposed, "{away}");
        world.carry().await;
        assert_eq!(world.held("an", "late").state, state, "{away}");
        let went = usize::from(state == IntentState::Sent);
        assert_eq!(world.calls("wecom").len(), went, "{away}");
    }
}
