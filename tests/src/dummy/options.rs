//! Options: values that refer to others, names of before, and misspelt ones.

use std::collections::BTreeMap;

use abaca::options::OptionSource;
use abaca::{Backend, Blame, Error, OptionValue};

use super::{POLICY, dummy, open, text};
use crate::support::{Desk, Ground, component, share};

fn row(backend: &Backend, name: &str) -> (Option<OptionValue>, OptionSource) {
    let row = backend.option_rows().find(|row| row.declaration.name == name).unwrap();
    (row.value.clone(), row.source.clone())
}

#[tokio::test]
async fn a_value_refers_to_another() {
    let ground = Ground::new();
    let options = [
        ("share_backend_name", text("gold")),
        ("dummy_export_host", text("${share_backend_name}.test")),
        ("ganesha_config_dir", text("/srv/ganesha")),
    ];
    let backend = dummy(&ground, &options).await;
    let one = share("one", 1);
    let locations = backend.create_share(&one, None).await.unwrap();
    assert_eq!(locations[0].path, format!("gold.test:/shares/{}", one.name));
    let (value, source) = row(&backend, "ganesha_export_dir");
    assert_eq!((value, source), (Some(text("/srv/ganesha/export.d")), OptionSource::Default));
    let (value, _) = row(&backend, "ganesha_db_path");
    let state = ground.state().join("dummy/manila-ganesha.db");
    assert_eq!(value, Some(text(state.to_str().unwrap())));
    assert_eq!(backend.get_share_stats(true).await.unwrap().share_backend_name, "gold");
}

#[tokio::test]
async fn a_name_of_before_still_holds() {
    let ground = Ground::new();
    let old = ("migration_readonly_support", OptionValue::Boolean(false));
    let backend = dummy(&ground, std::slice::from_ref(&old)).await;
    let (value, source) = row(&backend, "migration_readonly_rules_support");
    assert_eq!(value, Some(OptionValue::Boolean(false)));
    assert_eq!(source, OptionSource::DeprecatedName("migration_readonly_support".to_owned()));
    let new = ("migration_readonly_rules_support", OptionValue::Boolean(true));
    let handles = ("driver_handles_share_servers", OptionValue::Boolean(false));
    let both = open(&ground, "both", &[handles, old, new], BTreeMap::new()).await;
    assert!(both.unwrap_err().to_string().contains("the same option as"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_what_could_be_meant() {
    let ground = Ground::new();
    let handles = ("driver_handles_share_servers", OptionValue::Boolean(false));
    let refused = async |name: &'static str, value| {
        let options = [handles.clone(), (name, value)];
        let error = open(&ground, "dummy", &options, BTreeMap::new()).await.expect_err(name);
        assert_eq!(error.blame(), Blame::Operator, "{name}");
        match error {
            Error::Option { error, .. } => error,
            other => panic!("{name}: {other:?}"),
        }
    };
    let error = refused("dummy_export_hots", text("192.0.2.5")).await;
    assert_eq!(error.name, "dummy_export_hots");
    assert!(error.help.unwrap().contains("`dummy_export_host`"));
    let error = refused("dummy_capacity_gib", text("many")).await;
    assert!(error.reason.contains("whole number"), "{error}");
    for (name, value, reason) in [
        ("ssh_conn_timeout", -4, "at least 1"),
        ("ssh_conn_timeout", 0, "at least 1"),
        ("ssh_min_pool_conn", -1, "at least 0"),
        ("ssh_max_pool_conn", 0, "at least 1"),
        ("ssh_min_pool_conn", 20, "ssh_max_pool_conn is 10"),
        ("num_shell_tries", 0, "at least 1"),
        ("reserved_share_percentage", 101, "0 to 100"),
    ] {
        let error = refused(name, OptionValue::Integer(value)).await;
        assert!(error.name == name && error.reason.contains(reason), "{error}");
    }
    let error = refused("migration_readonly_rules_support", text("yes")).await;
    assert_eq!(error.reason, "it must be true or false");
    let error = refused("dummy_export_host", text("$no_such_option")).await;
    assert!(error.reason.contains("no_such_option"), "{error}");
    let error = refused("dummy_export_host", text("$dummy_export_host")).await;
    assert_eq!(error.name, "dummy_export_host");
    assert!(!ground.state().join("dummy").exists(), "nothing was made");
}

#[test]
fn the_command_shows_where_each_value_comes_from() {
    let ground = Ground::new();
    ground.write("dummy.policy.toml", POLICY);
    let text = Desk::text(&ground, "dummy", &component("abaca-driver-dummy"))
        + "share_backend_name = \"gold\"\n\
           dummy_export_host = \"$share_backend_name.test\"\n\
           dummy_pools = [\"one\", \"two\"]\n\
           migration_readonly_support = false\n";
    let desk = Desk::with(&ground, &text);
    let document = desk.json(&["backend", "options", "dummy"]);
    assert_eq!(document["backend"], "dummy");
    let options = document["options"].as_array().unwrap();
    let told = |name: &str| {
        let row = options.iter().find(|row| row["name"] == name).unwrap();
        (row["value"].to_string(), row["source"].as_str().unwrap().to_owned())
    };
    let as_told = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(told("dummy_export_host"), as_told("\"gold.test\"", "configuration"));
    assert_eq!(told("dummy_pools"), as_told("[\"one\",\"two\"]", "configuration"));
    assert_eq!(told("dummy_capacity_gib"), as_told("1000", "default"));
    assert_eq!(told("replication_domain"), as_told("null", "not set"));
    let before = "configuration, as `migration_readonly_support`";
    assert_eq!(told("migration_readonly_rules_support"), as_told("false", before));
    assert_eq!(told("dummy_secret"), as_told("null", "not set"));
    let text = desk.fails(2, &["backend", "options", "dumy"]);
    assert!(text.contains("dummy"), "{text}");
}
