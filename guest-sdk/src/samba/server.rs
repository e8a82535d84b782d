//! Speaking to the server: its registry by `net conf`, its running processes by `smbcontrol`; what its
//! configuration says, by `testparm`.
//! Called by `Samba`, under its lock.

use crate::command::Command;
use crate::{CommandFailure, Error, Path, Result, Root};

/// The server's own configuration, in the directory that the operator grants.
const CONFIGURATION: &str = "smb.conf";

/// What `net` says when there is no share of that name.
const UNKNOWN: &str = "SBC_ERR_NO_SUCH_SERVICE";

/// What `smbcontrol` says when the server does not run.
const NOT_RUNNING: &str = "Can't find pid";

/// Whether the server's configuration has what shares need; says which line is to be added.
pub fn check(configuration: Root) -> Result<()> {
    if !says(configuration, "registry shares")?.eq_ignore_ascii_case("yes") {
        return Err(lacks(
            "does not say `registry shares = yes`, so no client would find a share: write that",
        ));
    }
    if says(configuration, "interfaces")?.is_empty() {
        return Err(lacks(
            "has no line `interfaces`, and `net` and `smbcontrol`, which run without a network, ask for \
             one: write `interfaces = *`, unless you know better,",
        ));
    }
    Ok(())
}

/// What the configuration says of one thing; nothing where it says nothing.
fn says(configuration: Root, parameter: &str) -> Result<String> {
    let output = Command::new("testparm")
        .arg("-s")
        .arg(format!("--parameter-name={parameter}"))
        .arg(configuration.join(CONFIGURATION))
        .output()?;
    Ok(output.stdout_text()?.trim().to_owned())
}

fn lacks(what: &str) -> Error {
    Error::BadConfiguration(format!(
        "Samba's {CONFIGURATION} {what} into its section [global], restart smbd, and try again"
    ))
}

/// Puts a share into the registry as its definition says, instead of what was there.
pub fn import(configuration: Root, file: &Path, name: &str) -> Result<()> {
    net(configuration).args(["conf", "import"]).arg(file).arg(name).output().map(drop)
}

/// Takes a share out of the registry; none of that name is success.
pub fn delete(configuration: Root, name: &str) -> Result<()> {
    match net(configuration).args(["conf", "delshare", name]).output() {
        Err(Error::CommandFailed(CommandFailure { stderr, .. })) if stderr.contains(UNKNOWN) => {
            Ok(())
        }
        answer => answer.map(drop),
    }
}

/// Has all processes of the server read the registry anew.
pub fn reload(configuration: Root) -> Result<()> {
    order(configuration, &["reload-config"])
}

/// Closes all connections to a share.
pub fn close(configuration: Root, name: &str) -> Result<()> {
    order(configuration, &["close-share", name])
}

fn net(configuration: Root) -> Command {
    Command::new("net").arg("-s").arg(configuration.join(CONFIGURATION))
}

fn order(configuration: Root, words: &[&str]) -> Result<()> {
    let answer = Command::new("smbcontrol")
        .arg("-s")
        .arg(configuration.join(CONFIGURATION))
        .arg("smbd")
        .args(words)
        .output();
    match answer {
        Err(Error::CommandFailed(CommandFailure { stderr, .. }))
            if stderr.contains(NOT_RUNNING) =>
        {
            Err(Error::BackendFailed(
                "the file server Samba does not run: start smbd; then try again".to_owned(),
            ))
        }
        answer => answer.map(drop),
    }
}
