//! `abaca driver`: what a component is, offers, asks for and can be told, and in the rooms below
//! whether it may; and how one begins. Nothing is granted to it meanwhile.

mod approve;
mod consent;
mod new;
mod upgrade;

use abaca::{Import, Inspection, Interface, Runtime, Served};
use serde_json::{Value, json};

use crate::cli::{DriverCommand, Global};
use crate::failure::Result;
use crate::output::{Output, facts, plain, word};
use crate::service::Service;

/// Does what was asked.
///
/// # Errors
/// When the component is not a driver that this runtime can run.
pub async fn run(command: DriverCommand, global: &Global, output: Output) -> Result<()> {
    let open = || Service::open(global);
    let file = match command {
        DriverCommand::New(asked) => return new::run(&asked, output),
        DriverCommand::Inspect { file } => file,
        DriverCommand::Approve(asked) => return approve::run(&asked, output).await,
        DriverCommand::Upgrade(asked) => return upgrade::upgrade(&asked, &open()?, output).await,
        DriverCommand::Pending(asked) => return upgrade::pending(&asked, &open()?, output).await,
        DriverCommand::Rollback { backend } => {
            return upgrade::rollback(&backend, &open()?, output);
        }
        DriverCommand::Floor(asked) => return upgrade::floor(&asked, &open()?, output),
    };
    let runtime = Runtime::builder().build()?;
    let what = format!("compiling {}", file.display());
    let inspection = output.wait(&what, Box::pin(runtime.load(&file))).await?.inspect();
    output.answer(&document(&inspection), || text(&inspection))
}

fn document(inspection: &Inspection) -> Value {
    let description = &inspection.description;
    let interface = |one: &Interface| json!({ "name": one.name(), "purpose": one.purpose(), "served": one.served() == Served::Here });
    let import = |one: &Import| json!({ "name": one.name(), "purpose": one.purpose(), "served": one.served() == Served::Here });
    let options = description.options.iter().map(|option| {
        json!({
            "name": option.name,
            "type": word(&option.option_type),
            "default": option.default,
            "required": option.required,
            "secret": option.secret,
            "help": option.help,
        })
    });
    json!({
        "name": description.name,
        "vendor": description.vendor,
        "version": description.version,
        "digest": inspection.digest,
        "protocols": description.protocols.iter().map(word).collect::<Vec<_>>(),
        "share_server_modes": description.share_server_modes,
        "offers": inspection.offers.iter().map(interface).collect::<Vec<_>>(),
        "lacks": inspection.lacks.iter().map(interface).collect::<Vec<_>>(),
        "asks_for": inspection.asks_for.iter().map(import).collect::<Vec<_>>(),
        "options": options.collect::<Vec<_>>(),
        "manifest": inspection.manifest,
        "findings": inspection.findings,
    })
}

/// What is to be said where something is not served as the rest is.
fn limited(served: Served) -> &'static str {
    match served {
        Served::Here => "",
        Served::OnStage => {
            " (no policy can grant it yet: for `abaca test` and `abaca replay` alone)"
        }
        Served::Nowhere => " (this runtime does not serve it yet)",
    }
}

fn text(inspection: &Inspection) -> String {
    let description = &inspection.description;
    let mut text = facts([
        ("name", description.name.clone()),
        ("vendor", description.vendor.clone()),
        ("version", description.version.clone()),
        ("sha256", inspection.digest.clone()),
        ("protocols", description.protocols.iter().map(word).collect::<Vec<_>>().join(", ")),
        ("share servers", modes(&description.share_server_modes).to_owned()),
    ]);
    let interface =
        |one: &Interface| (one.name(), format!("{}{}", one.purpose(), limited(one.served())));
    section(&mut text, "offers", inspection.offers.iter().map(interface));
    section(&mut text, "lacks", inspection.lacks.iter().map(interface));
    let imports = inspection.asks_for.iter();
    let imports =
        imports.map(|one| (one.name(), format!("{}{}", one.purpose(), limited(one.served()))));
    section(&mut text, "asks for", imports);
    if !description.options.is_empty() {
        text.push_str("\noptions\n");
        for option in &description.options {
            let default = match &option.default {
                Some(default) => format!("default {default}"),
                None if option.required => "must be set".to_owned(),
                None => "may be left out".to_owned(),
            };
            let line = format!("{} ({}, {default})", option.name, word(&option.option_type));
            text.push_str(&format!("  {}\n      {}\n", plain(&line), plain(&option.help)));
        }
    }
    match &inspection.manifest {
        // Its every line is visible ASCII: nothing in it acts on a terminal.
        Some(manifest) => text.push_str(&format!(
            "\nmanifest {}\n\n{}",
            manifest.digest,
            manifest.text.lines().map(indented).collect::<String>()
        )),
        None => text.push_str("\nmanifest\n  none: its policy has to be written by hand\n"),
    }
    if !inspection.findings.is_empty() {
        text.push_str("\nnot true: such a driver is not run\n");
        for finding in &inspection.findings {
            text.push_str(&format!("  {}\n", plain(finding)));
        }
    }
    text
}

fn indented(line: &str) -> String {
    if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }
}

fn modes(modes: &[bool]) -> &'static str {
    match (modes.contains(&true), modes.contains(&false)) {
        (true, true) => "with or without",
        (true, false) => "only with",
        (false, _) => "only without",
    }
}

fn section(text: &mut String, title: &str, items: impl Iterator<Item = (&'static str, String)>) {
    let items: Vec<_> = items.collect();
    let width = items.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    text.push_str(&format!("\n{title}\n"));
    if items.is_empty() {
        text.push_str("  nothing\n");
    }
    for (name, purpose) in items {
        text.push_str(&format!("  {name:width$}  {}\n", plain(&purpose)));
    }
}
