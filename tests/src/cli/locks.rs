//! The named locks that calls hold now, as `abaca backend list --verbose` tells them.

use abaca::Limits;
use serde_json::json;

use crate::dummy::locks::{hold, hostile_in};
use crate::support::{Desk, Ground, component, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_listed_while_it_is_held() {
    let ground = Ground::new();
    let backend = hostile_in(ground.path(), Limits::default().wall).await;
    let text = Desk::text(&ground, "hostile", &component("abaca-guest-hostile"));
    let desk = Desk::with(&ground, &text);
    let listed = || desk.json(&["backend", "list", "--verbose"])["backends"][0]["locks"].clone();
    assert_eq!(listed(), json!([]));
    let holding = tokio::spawn({
        let backend = backend.clone();
        async move { hold(&backend, &["exports", "600000"]).await }
    });
    until("the lock is held", || !backend.locks().unwrap().is_empty()).await;
    let call = ground.audit("hostile")[0]["call"].clone();
    assert_eq!(listed(), json!([{ "name": "exports", "call": call }]));
    let told = desk.run(&["backend", "list", "--verbose"]).stdout;
    assert!(told.contains("exports") && told.contains(call.as_str().unwrap()), "{told}");
    // Who does not ask is not told.
    assert!(!desk.run(&["backend", "list"]).stdout.contains("exports"));
    holding.abort();
    until("it is given back", || backend.locks().unwrap().is_empty()).await;
    assert_eq!(listed(), json!([]));
    assert!(desk.run(&["backend", "list", "--verbose"]).stdout.contains("no locks are held"));
}
