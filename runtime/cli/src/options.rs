//! `abaca backend options`: the options of a backend, the values that hold, and where each came
//! from.

use abaca::OptionValue;
use abaca::options::{OptionRow, OptionSource};
use serde_json::{Value, json};

use crate::failure::Result;
use crate::output::{Output, table, word};
use crate::service::Service;

/// Shows the options of one backend.
///
/// # Errors
/// When there is no such backend, or it cannot be opened.
pub async fn show(name: Option<&str>, service: &Service, output: Output) -> Result<()> {
    let entry = match name {
        Some(name) => service.entry(name)?,
        None => service.only()?,
    };
    let name = &entry.name;
    let backend = output.wait(&format!("opening {name}"), Box::pin(service.backend(entry))).await?;
    let rows: Vec<_> = backend.option_rows().collect();
    let document: Vec<_> = rows.iter().map(|row| document(row)).collect();
    output.answer(&json!({ "backend": name, "options": document }), || {
        let shown = rows.iter().map(|row| {
            [
                row.declaration.name.clone(),
                value(row),
                source(&row.source),
                row.declaration.help.clone(),
            ]
        });
        table(["option", "value", "from", "meaning"], shown)
    })
}

fn document(row: &OptionRow) -> Value {
    json!({
        "name": row.declaration.name,
        "type": word(&row.declaration.option_type),
        "secret": row.declaration.secret,
        "value": plain(row.value.as_ref()),
        "default": row.declaration.default,
        "source": match secret_place(row) {
            Some(place) => format!("{}, in {place}", source(&row.source)),
            None => source(&row.source),
        },
        "help": row.declaration.help,
        "deprecated_names": row.declaration.deprecated_names,
    })
}

/// Of a secret that is set, where it is kept.
fn secret_place(row: &OptionRow) -> Option<String> {
    match &row.value {
        Some(OptionValue::SecretFile(file)) => Some(file.display().to_string()),
        Some(OptionValue::SecretVariable(name)) => Some(format!("the variable {name}")),
        _ => None,
    }
}

/// The value; of a secret there is none to show.
fn plain(value: Option<&OptionValue>) -> Value {
    match value {
        None | Some(OptionValue::SecretFile(_) | OptionValue::SecretVariable(_)) => Value::Null,
        Some(OptionValue::Text(text)) => json!(text),
        Some(OptionValue::Integer(whole)) => json!(whole),
        Some(OptionValue::Float(number)) => json!(number),
        Some(OptionValue::Boolean(yes)) => json!(yes),
        Some(OptionValue::TextList(items)) => json!(items),
    }
}

fn value(row: &OptionRow) -> String {
    if let Some(place) = secret_place(row) {
        return format!("(secret, in {place})");
    }
    match plain(row.value.as_ref()) {
        Value::Null => "-".to_owned(),
        Value::String(text) => text,
        Value::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            items.join(",")
        }
        other => other.to_string(),
    }
}

fn source(source: &OptionSource) -> String {
    match source {
        OptionSource::Unset => "not set".to_owned(),
        OptionSource::Default => "default".to_owned(),
        OptionSource::Configuration => "configuration".to_owned(),
        OptionSource::DeprecatedName(old) => format!("configuration, as `{old}`"),
    }
}
