//! Killed as by a power cut while pushes come in: what was answered is there, once, and the store is what the journal
//! gives.

use std::collections::BTreeSet;

use tests::brand::START_MS;
use tests::host::cli_text;
use tests::tenant::WECOM;
use tests::{Host, Tenant};

use crate::stage::{Stage, added, event_ids};

/// How often the host is killed.
const KILLS: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost_and_nothing_is_there_twice() {
    let mut stage = Stage::set(&Tenant { clock: "system", ..Tenant::default() }).await;
    let mut answered = BTreeSet::new();
    let mut number = 0;
    for kill in 0..KILLS {
        let hook = stage.host.hook(WECOM);
        let pushes: Vec<_> = (0..40)
            .map(|_| {
                number += 1;
                let (wecom, hook) = (stage.on.wecom.clone(), hook.clone());
                let customer = format!("wmFabLe{number:025}");
                let client = tests::web::client(std::time::Duration::from_secs(10)).unwrap();
                tokio::spawn(async move {
                    let sealed = wecom.seal(&wecom.xml(&added(&customer, START_MS / 1000))).unwrap();
                    let url = format!("{hook}?{}", sealed.query);
                    let sent = client.post(url).body(sealed.body).send().await;
                    sent.is_ok_and(|answer| answer.status() == 200).then_some(customer)
                })
            })
            .collect();
        // Somewhere in the middle of them: after another number of answers each time.
        let mut pushes = pushes.into_iter();
        for push in pushes.by_ref().take(usize::try_from(kill * 5).unwrap() + 1) {
            answered.extend(push.await.unwrap());
        }
        stage.host.kill().await.unwrap();
        for push in pushes {
            answered.extend(push.await.unwrap());
        }
        stage.host = Host::start(&stage.config).await.unwrap();
    }
    let event = added("wmFabLeFreshAfterAllOfThat0000001", START_MS / 1000);
    assert!(stage.on.wecom.push(&stage.host.hook(WECOM), &event).await.unwrap().is_accepted());
    stage.host.stop().await.unwrap();

    let records = crate::stage::records(&stage.config);
    let ids = event_ids(&records, WECOM);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an event is there twice");
    let kept: BTreeSet<String> = records
        .iter()
        .filter_map(|record| record["entry"]["event"]["event"]["who"][0]["value"].as_str())
        .map(str::to_owned)
        .collect();
    let lost: Vec<_> = answered.difference(&kept).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?}");
    assert!(answered.len() > 40, "only {} were answered at all", answered.len());
    cli_text(&stage.config, &["rebuild", "--check"]).unwrap();
}
