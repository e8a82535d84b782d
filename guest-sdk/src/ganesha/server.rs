//! Speaking to the running server over D-Bus, by `dbus-send`. Called by `Ganesha`, under its
//! lock.

use crate::command::{Command, Output};
use crate::{Error, Path, Result, log};

/// Who answers, and for what.
const SERVICE: &str = "org.ganesha.nfsd";
const OBJECT: &str = "/org/ganesha/nfsd/ExportMgr";
const UPDATE: &str = "org.ganesha.nfsd.exportmgr.UpdateExport";
const REMOVE: &str = "org.ganesha.nfsd.exportmgr.RemoveExport";
const DISPLAY: &str = "org.ganesha.nfsd.exportmgr.DisplayExport";
const PING: &str = "org.freedesktop.DBus.Peer.Ping";

/// What stands in an error's text when there is no export of that number.
const UNKNOWN_NUMBER: &str = "Export id not found";

/// Errors by which it is told that nobody of that name is on the bus, or that there is no bus.
const NOBODY: [&str; 3] = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "Failed to open connection",
];

/// How the bus says that its rules do not let this user say so.
const NOT_ALLOWED: &str = "org.freedesktop.DBus.Error.AccessDenied";

/// The whole answer when one export was taken over. Where something in its block was not, more
/// follows on the same line.
const UPDATED: &str = "string \"1 exports updated\"";

/// What a call came to.
enum Answer {
    Done(Output),
    /// There is no export of that number.
    Unknown,
}

/// Whose the export of a number is.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    /// The directory of this name.
    This,
    /// Another directory: of another back end, whose range of numbers overlaps with this one's.
    Another(String),
}

/// Has the server read one block: what it has by that number is changed, what it does not have
/// is added.
pub fn update(bus: &str, file: &Path, number: u16, name: &str) -> Result<()> {
    let which = format!("string:EXPORT(Export_Id={number})");
    let answer = call(bus, UPDATE, &[format!("string:{file}"), which]);
    let refusal = match answer {
        Ok(Answer::Done(output)) => match took(output.stdout_text()?) {
            Ok(()) => return Ok(()),
            Err(said) => refused(said),
        },
        Ok(Answer::Unknown) => refused(&format!("it knows no export {number}")),
        Err(refusal) => refusal,
    };
    // The server does not say that a number is taken.
    match holder(bus, number, name) {
        Ok(Holder::Another(path)) => Err(Error::BackendFailed(format!(
            "the NFS server has an export of the number {number} already, `{path}`: give each back \
             end of this server a range of numbers of its own, by its option `…_ganesha_export_ids`"
        ))),
        _ => Err(refusal),
    }
}

/// Has the server let go of the export of this name; none is success. What it has by the number may
/// be another back end's.
pub fn remove(bus: &str, number: u16, name: &str) -> Result<()> {
    match holder(bus, number, name)? {
        Holder::This => call(bus, REMOVE, &[format!("uint16:{number}")]).map(drop),
        Holder::Nobody => Ok(()),
        Holder::Another(path) => {
            log::warning(format!("the export {number} is `{path}`, and not `{name}`: it stays"));
            Ok(())
        }
    }
}

fn holder(bus: &str, number: u16, name: &str) -> Result<Holder> {
    let output = match call(bus, DISPLAY, &[format!("uint16:{number}")])? {
        Answer::Done(output) => output,
        Answer::Unknown => return Ok(Holder::Nobody),
    };
    // Its clients, of whom there may be many, stand behind.
    let said = String::from_utf8_lossy(&output.stdout);
    let path = directory(&said).ok_or_else(|| {
        Error::BackendFailed(format!("the NFS server says of the export {number}: {said}"))
    })?;
    Ok(match path.rsplit('/').next() == Some(name) {
        true => Holder::This,
        false => Holder::Another(path.to_owned()),
    })
}

/// The directory of an export: the first text of what is displayed.
fn directory(said: &str) -> Option<&str> {
    let mut lines = said.lines().map(str::trim);
    let text = lines.find_map(|line| line.strip_prefix("string \""))?;
    text.strip_suffix('"').filter(|path| path.starts_with('/'))
}

/// Whether it answers.
pub fn check(bus: &str) -> Result<()> {
    call(bus, PING, &[]).map(drop)
}

fn call(bus: &str, method: &str, arguments: &[String]) -> Result<Answer> {
    let answer = Command::new("dbus-send")
        .arg(bus)
        .args(["--print-reply", &format!("--dest={SERVICE}"), OBJECT])
        .arg(method)
        .args(arguments)
        .output();
    let Err(Error::CommandFailed(failure)) = answer else { return answer.map(Answer::Done) };
    let said = failure.stderr.trim();
    if said.contains(UNKNOWN_NUMBER) {
        return Ok(Answer::Unknown);
    }
    if NOBODY.iter().any(|nobody| said.contains(nobody)) {
        return Err(Error::BackendFailed(format!(
            "the NFS server does not answer on D-Bus: start nfs-ganesha, and look whether this back \
             end speaks to its bus; then try again ({said})"
        )));
    }
    if said.contains(NOT_ALLOWED) {
        return Err(Error::BackendFailed(format!(
            "D-Bus does not let the policy's user speak so to the NFS server: put \
             drivers/ganesha-dbus.conf, as it is now, into /etc/dbus-1/system.d, and reload dbus; \
             then try again ({said})"
        )));
    }
    Err(refused(said))
}

/// Whether an update was taken over as a whole; what was said otherwise.
fn took(said: &str) -> Result<(), &str> {
    match said.lines().any(|line| line.trim() == UPDATED) {
        true => Ok(()),
        false => Err(said.trim()),
    }
}

fn refused(said: &str) -> Error {
    let said: Vec<_> = said.lines().map(str::trim).collect();
    Error::BackendFailed(format!("the NFS server does not take the export: {}", said.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_known_by_its_directory() {
        let header = "method return time=1.0 sender=:1.0 -> destination=:1.6 serial=11\n";
        let rest = "   string \"\"\n   array [\n      struct {\n         string \"192.0.2.0/24\"\n";
        let said = format!("{header}   uint16 1\n   string \"/srv/shares/share-1\"\n{rest}");
        assert_eq!(directory(&said), Some("/srv/shares/share-1"));
        for said in ["", header, "   uint16 1\n", "   string \"\"\n", "   string \"/srv/shares"] {
            assert_eq!(directory(said), None, "{said}");
        }
    }

    #[test]
    fn half_an_update_is_none() {
        let header = "method return time=1.0 sender=:1.0 -> destination=:1.1 serial=19\n";
        assert_eq!(took(&format!("{header}   string \"1 exports updated\"\n")), Ok(()));
        for said in [
            "",
            header,
            "   string \"0 exports updated\"\n",
            "   string \"1 exports updated. Errors found:\nConfig File (x:14): Syntax error\"\n",
        ] {
            assert!(took(said).is_err(), "{said}");
        }
    }
}
