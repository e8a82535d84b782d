//! A deed that its caller gives up has its outcome: whoever reads the audit later need not wonder
//! whether it is still at work.

use abaca::audit::AuditSettings;

use super::hostile;
use crate::support::{Ground, attack_share, dropped_at, eventually, unique_sleep};

#[tokio::test]
async fn what_is_given_up_at_work_is_told_as_interrupted() {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    let one = attack_share("command", &["sleep", &unique_sleep()]);
    let of = |event: &str| {
        let mut lines = ground.audit("hostile");
        lines.retain(|line| line["event"] == event);
        lines
    };
    {
        let call = std::pin::pin!(backend.create_share(&one, None));
        tokio::select! {
            ended = call => panic!("{ended:?}"),
            _ = eventually("it is at work", async || of("intent").pop()) => {}
        }
    }
    let outcome = eventually("its outcome is told", async || of("outcome").pop()).await;
    let intent = of("intent").remove(0);
    for field in ["call", "request", "import", "asked", "rule"] {
        assert_eq!(outcome[field], intent[field], "{outcome}");
    }
    assert_eq!(outcome["outcome"], "interrupted");
    assert_eq!((of("intent").len(), of("outcome").len()), (1, 1));
}

#[tokio::test]
async fn wherever_a_call_is_dropped_each_intent_has_one_outcome() {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    for point in 0.. {
        let one = attack_share("command", &["echo", "-n", "hello"]);
        if dropped_at(point, backend.create_share(&one, None)).await.is_some() {
            break;
        }
    }
    eventually("all outcomes are told", async || {
        let lines = ground.audit("hostile");
        let deeds = |event: &str| {
            let of_it = lines.iter().filter(|line| line["event"] == event);
            let mut deeds: Vec<_> =
                of_it.map(|line| (line["call"].to_string(), line["request"].to_string())).collect();
            deeds.sort();
            deeds
        };
        let (begun, ended) = (deeds("intent"), deeds("outcome"));
        (!begun.is_empty() && begun == ended).then_some(())
    })
    .await;
}
