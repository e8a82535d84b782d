//! The host in memory that drivers' own tests run on, held against the real one where it has a copy
//! of what that one says.

use abaca::{Limits, OptionValue};
use abaca_sdk::config::{self, Value};
use abaca_sdk::testing::Host;

use crate::support::{Ground, runtime};

/// The options of which it says something of its own: the operator must set the one, and the
/// other's default names a place of the runtime's.
const OWN: [&str; 2] = ["driver_handles_share_servers", "ganesha_db_path"];

#[tokio::test]
async fn its_common_options_have_the_types_and_defaults_of_the_runtimes() {
    let ground = Ground::new();
    let backend = ground.minimal(&runtime(Limits::default())).await;
    let declared = &backend.driver().description().options;
    let host = Host::new();
    let mut seen = 0;
    for row in backend.option_rows() {
        let name = row.declaration.name.as_str();
        if OWN.contains(&name) || declared.iter().any(|option| option.name == name) {
            continue;
        }
        let here =
            host.run(|| config::get(name)).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let there = row.value.clone().map(|value| match value {
            OptionValue::Text(text) => Value::Text(text),
            OptionValue::TextList(items) => Value::TextList(items),
            OptionValue::Integer(number) => Value::Integer(number),
            OptionValue::Float(number) => Value::Float(number),
            OptionValue::Boolean(truth) => Value::Boolean(truth),
            other => panic!("{name}: {other:?}"),
        });
        assert_eq!(format!("{here:?}"), format!("{there:?}"), "{name}");
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}
