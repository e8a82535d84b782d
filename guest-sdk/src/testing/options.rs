//! The options of a test's host: those that every back end has, those that the driver declares,
//! and what a test sets. Called by `config`, which answers by them.

use std::collections::BTreeMap;

use crate::imports::config::Value;
use crate::{OptionDeclaration, OptionType};

/// Upstream's options of every back end, with their types and defaults, as the runtime has them
/// (`runtime/host/src/options/common.rs` and its networks' options). One of them an operator must
/// set, `driver_handles_share_servers`; here it is false until a test says otherwise.
const COMMON: [(&str, OptionType, Option<&str>); 29] = [
    ("admin_network_config_group", OptionType::Text, None),
    ("driver_handles_share_servers", OptionType::Boolean, Some("false")),
    ("ganesha_config_dir", OptionType::Text, Some("/etc/ganesha")),
    ("ganesha_config_path", OptionType::Text, Some("/etc/ganesha/ganesha.conf")),
    ("ganesha_db_path", OptionType::Text, Some("/var/lib/abaca/manila-ganesha.db")),
    ("ganesha_export_dir", OptionType::Text, Some("/etc/ganesha/export.d")),
    ("ganesha_export_template_dir", OptionType::Text, Some("/etc/manila/ganesha-export-templ.d")),
    ("ganesha_nfs_export_options", OptionType::Text, Some("maxread = 65536, prefread = 65536")),
    ("ganesha_service_name", OptionType::Text, Some("ganesha.nfsd")),
    ("max_over_subscription_ratio", OptionType::Float, Some("20.0")),
    ("migration_ignore_files", OptionType::TextList, Some("lost+found")),
    ("migration_readonly_rules_support", OptionType::Boolean, Some("true")),
    ("network_config_group", OptionType::Text, None),
    ("num_shell_tries", OptionType::Integer, Some("3")),
    ("replication_domain", OptionType::Text, None),
    ("reserved_share_percentage", OptionType::Integer, Some("0")),
    ("share_backend_name", OptionType::Text, None),
    ("share_mount_template", OptionType::Text, Some("mount -vt %(proto)s %(export)s %(path)s")),
    ("share_unmount_template", OptionType::Text, Some("umount -v %(path)s")),
    ("ssh_conn_timeout", OptionType::Integer, Some("60")),
    ("ssh_max_pool_conn", OptionType::Integer, Some("10")),
    ("ssh_min_pool_conn", OptionType::Integer, Some("1")),
    ("standalone_network_plugin_allowed_ip_ranges", OptionType::TextList, None),
    ("standalone_network_plugin_gateway", OptionType::Text, None),
    ("standalone_network_plugin_ip_version", OptionType::Integer, Some("4")),
    ("standalone_network_plugin_mask", OptionType::Text, None),
    ("standalone_network_plugin_max_addresses", OptionType::Integer, None),
    ("standalone_network_plugin_network_type", OptionType::Text, None),
    ("standalone_network_plugin_segmentation_id", OptionType::Integer, None),
];

/// One option.
#[derive(Debug)]
struct Slot {
    declaration: OptionDeclaration,
    value: Option<Value>,
}

/// All options that a driver may ask for.
#[derive(Debug, Default)]
pub(super) struct Options {
    slots: BTreeMap<String, Slot>,
    /// The driver has said which it has: others cannot be set.
    declared: bool,
}

impl Options {
    /// Those that every back end has.
    pub(super) fn common() -> Self {
        let mut options = Self::default();
        for (name, option_type, default) in COMMON {
            let declaration = OptionDeclaration::new(name, option_type, "");
            options.add(match default {
                Some(default) => declaration.or(default),
                None => declaration,
            });
        }
        options
    }

    /// Adds those of a driver.
    pub(super) fn declare(&mut self, declarations: Vec<OptionDeclaration>) {
        self.declared = true;
        declarations.into_iter().for_each(|declaration| self.add(declaration));
    }

    /// # Panics
    /// For what the runtime does not load a driver with.
    #[track_caller]
    fn add(&mut self, declaration: OptionDeclaration) {
        let name = declaration.name.clone();
        let value = declaration.default.as_deref().map(|text| {
            let value = parse(declaration.option_type, text);
            assert!(value.is_some(), "the default `{text}` of `{name}` is not of its type");
            value
        });
        let slot = Slot { declaration, value: value.flatten() };
        assert!(self.slots.insert(name.clone(), slot).is_none(), "`{name}` is declared twice");
    }

    /// What a test, as the operator, sets.
    ///
    /// # Panics
    /// For what the runtime does not take.
    #[track_caller]
    pub(super) fn set(&mut self, name: &str, value: Value) {
        let slot = self.slots.values_mut().find(|slot| {
            let declaration = &slot.declaration;
            declaration.name == name || declaration.deprecated_names.iter().any(|old| old == name)
        });
        let Some(slot) = slot else {
            assert!(!self.declared, "the driver declares no option `{name}`");
            let secret = matches!(value, Value::Secret(_));
            let mut declaration = OptionDeclaration::new(name, type_of(&value), "");
            declaration.secret = secret;
            self.slots.insert(name.to_owned(), Slot { declaration, value: Some(value) });
            return;
        };
        let own = &slot.declaration;
        let value = match value {
            // A driver learns the option's own name, whatever the operator wrote.
            Value::Secret(_) => Value::Secret(own.name.clone()),
            #[expect(clippy::cast_precision_loss, reason = "a whole number for a number")]
            Value::Integer(whole) if own.option_type == OptionType::Float => {
                Value::Float(whole as f64)
            }
            value => value,
        };
        let secret = matches!(value, Value::Secret(_));
        let fits = secret || type_of(&value) == own.option_type;
        assert!(fits, "`{name}` is of the type {:?}, not {value:?}", own.option_type);
        assert!(secret == own.secret, "`{name}` is secret if it is declared so: Host::secret");
        slot.value = Some(value);
    }

    /// Nobody sets it any more: its default holds.
    pub(super) fn unset(&mut self, name: &str) {
        if let Some(slot) = self.slots.get_mut(name) {
            let default = slot.declaration.default.as_deref();
            slot.value = default.and_then(|text| parse(slot.declaration.option_type, text));
        }
    }

    /// Why no driver would be called: a required option that is not set.
    pub(super) fn missing(&self) -> Option<String> {
        let missing =
            self.slots.values().find(|slot| slot.declaration.required && slot.value.is_none())?;
        let name = &missing.declaration.name;
        Some(format!("the operator must set `{name}`: `host.option(\"{name}\", ...)`"))
    }

    /// The value that holds; nothing for what is not declared.
    pub(super) fn get(&self, name: &str) -> Option<Option<Value>> {
        self.slots.get(name).map(|slot| slot.value.clone())
    }
}

fn type_of(value: &Value) -> OptionType {
    match value {
        Value::Text(_) | Value::Secret(_) => OptionType::Text,
        Value::Integer(_) => OptionType::Integer,
        Value::Float(_) => OptionType::Float,
        Value::Boolean(_) => OptionType::Boolean,
        Value::TextList(_) => OptionType::TextList,
    }
}

/// A default, as a declaration spells it.
fn parse(option_type: OptionType, text: &str) -> Option<Value> {
    match option_type {
        OptionType::Text => Some(Value::Text(text.to_owned())),
        OptionType::Integer => text.parse().ok().map(Value::Integer),
        OptionType::Float => text.parse().ok().map(Value::Float),
        OptionType::Boolean => text.parse().ok().map(Value::Boolean),
        OptionType::TextList => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::TextList(items.map(str::to_owned).collect()))
        }
    }
}
