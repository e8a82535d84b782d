//! Speaking to the running server over D-Bus, by `dbus-send`. Called by `Ganesha`, under its
//! lock.

use crate::command::{Command, Output};
use crate::{Error, Path, Result};

/// Who answers, and for what.
const SERVICE: &str = "org.ganesha.nfsd";
const OBJECT: &str = "/org/ganesha/nfsd/ExportMgr";
const UPDATE: &str = "org.ganesha.nfsd.exportmgr.UpdateExport";
const REMOVE: &str = "org.ganesha.nfsd.exportmgr.RemoveExport";
const PING: &str = "org.freedesktop.DBus.Peer.Ping";

/// What stands in an error's text when there is no export of that number.
const UNKNOWN_NUMBER: &str = "Export id not found";

/// Errors by which it is told that nobody of that name is on the bus, or that there is no bus.
const NOBODY: [&str; 3] = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "Failed to open connection",
];

/// The whole answer when one export was taken over. Where something in its block was not, more
/// follows on the same line.
const UPDATED: &str = "string \"1 exports updated\"";

/// What a call came to.
enum Answer {
    Done(Output),
    /// There is no export of that number.
    Unknown,
}

/// Has the server read one block: what it has by that number is changed, what it does not have
/// is added.
pub fn update(bus: &str, file: &Path, number: u16) -> Result<()> {
    let which = format!("string:EXPORT(Export_Id={number})");
    let output = match call(bus, UPDATE, &[format!("string:{file}"), which])? {
        Answer::Done(output) => output,
        Answer::Unknown => return Err(refused(&format!("it knows no export {number}"))),
    };
    match took(output.stdout_text()?) {
        Ok(()) => Ok(()),
        Err(said) => Err(refused(said)),
    }
}

/// Has the server let go of an export; none of that number is success.
pub fn remove(bus: &str, number: u16) -> Result<()> {
    call(bus, REMOVE, &[format!("uint16:{number}")]).map(drop)
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
    Error::BackendFailed(format!("the NFS server does not take the export: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
