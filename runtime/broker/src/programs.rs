//! The programs that rules name, opened and checked: is it what its owner installed?
//!
//! A program runs by the descriptor opened here, so what was checked is what runs. The check
//! is made for every rule when the broker starts, and again for each command: a package
//! upgrade is welcome unless the rule pins the program's digest, a file that others can write is
//! not. Scripts are refused: the kernel
//! would start their interpreter, which no rule names.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use abaca_broker::protocol::ErrorKind;
use abaca_policy::{CommandRule, is_launcher_behind};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::roots::{Roots, identity};

/// How every native program of Linux begins.
const ELF: [u8; 4] = *b"\x7fELF";

/// The most symbolic links on the way to a program, as the kernel's own limit.
const LINKS_MAX: usize = 40;

/// How much is read at once for a digest.
const PIECE: usize = 64 * 1024;

/// The permission bits that let a group or everybody write.
const OTHERS_WRITE: u32 = 0o022;

/// Any of the three bits that make a file executable.
const EXECUTABLE: u32 = 0o111;

/// Opens the program of a rule. It, and every directory on the way, links
/// included, must belong to root (or to `user`, whom the broker runs as) and be writable by
/// nobody else; none of these directories may be one of the `roots`, in which a driver could put
/// another program in its place. With a digest in its rule, it must have just these contents; without
/// a reason in it, the file must not be called like a program that runs others, whatever links lead to it.
///
/// # Errors
/// `changed`, with a message that names the part of the path and what to do about it.
pub fn open(rule: &CommandRule, user: u32, roots: &Roots) -> Result<OwnedFd, Failure> {
    let walk = Walk::new(&rule.program, user, Some(roots));
    find(walk, rule.sha256.as_deref(), rule.root_equivalent.is_some())
}

fn find(mut walk: Walk<'_>, sha256: Option<&str>, may_launch: bool) -> Result<OwnedFd, Failure> {
    let path = walk.path;
    if let Some(own) = own_program(path) {
        sha256.map_or(Ok(()), |sha256| walk.check_contents(&own, sha256))?;
        return Ok(own);
    }
    let fd = walk.find()?;
    if !may_launch && is_launcher_behind(&walk.name) {
        let message = format!(
            "it is {}, which runs other programs: its rule needs `root-equivalent = \"why\"`",
            walk.name
        );
        return Err(walk.refuse(message));
    }
    let stat = walk.stat(&fd, path)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(walk.refuse("it is not a regular file"));
    }
    if stat.st_mode & EXECUTABLE == 0 {
        return Err(walk.refuse("it is not executable"));
    }
    walk.check_owner(&stat, path)?;
    walk.check_native(&fd)?;
    sha256.map_or(Ok(()), |sha256| walk.check_contents(&fd, sha256))?;
    Ok(fd)
}

/// The broker's own program, if it is what is at `path`, for `abaca doctor`: whoever may change that
/// one is trusted with more than a command already, wherever it lies.
fn own_program(path: &str) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let own = rustix::fs::open("/proc/self/exe", flags, Mode::empty()).ok()?;
    let which = |fd: &OwnedFd| rustix::fs::fstat(fd).map(|stat| identity(&stat)).ok();
    let named = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    (which(&own)? == which(&named)?).then_some(own)
}

struct Walk<'p> {
    path: &'p str,
    user: u32,
    /// Whose directories no program lies in.
    roots: Option<&'p Roots>,
    links: usize,
    /// What the file is called that was found.
    name: String,
}

impl<'p> Walk<'p> {
    fn new(path: &'p str, user: u32, roots: Option<&'p Roots>) -> Walk<'p> {
        Walk { path, user, roots, links: 0, name: String::new() }
    }

    /// Goes down the path, one checked directory after the other.
    fn find(&mut self) -> Result<OwnedFd, Failure> {
        let mut rest: VecDeque<Vec<u8>> = components(self.path.as_bytes()).collect();
        let mut here = self.start()?;
        while let Some(name) = rest.pop_front() {
            let shown = String::from_utf8_lossy(&name).into_owned();
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let found = rustix::fs::openat(&here, OsStr::from_bytes(&name), flags, Mode::empty())
                .map_err(|errno| self.system(&shown, errno))?;
            let stat = self.stat(&found, &shown)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => {
                    // Its directory was checked, so that it stands here is right.
                    self.links += 1;
                    if self.links > LINKS_MAX {
                        return Err(self.refuse("it is behind too many symbolic links"));
                    }
                    let target = rustix::fs::readlinkat(&found, "", Vec::new())
                        .map_err(|errno| self.system(&shown, errno))?;
                    if target.as_bytes().starts_with(b"/") {
                        here = self.start()?;
                    }
                    for component in components(target.as_bytes()).rev() {
                        rest.push_front(component);
                    }
                }
                FileType::Directory => {
                    self.check_owner(&stat, &shown)?;
                    self.check_place(&stat)?;
                    here = found;
                }
                _ if rest.is_empty() => {
                    self.name = shown;
                    return Ok(found);
                }
                _ => return Err(self.refuse(format!("{shown} is not a directory"))),
            }
        }
        Ok(here)
    }

    fn start(&self) -> Result<OwnedFd, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, "/", flags, Mode::empty())
            .map_err(|errno| self.system("/", errno))?;
        let stat = self.stat(&root, "/")?;
        self.check_owner(&stat, "/")?;
        Ok(root)
    }

    fn check_owner(&self, stat: &Stat, part: &str) -> Result<(), Failure> {
        if stat.st_uid != 0 && stat.st_uid != self.user {
            let message = format!("{part} belongs to user {}, who may change it", stat.st_uid);
            return Err(self.refuse(message));
        }
        if stat.st_mode & OTHERS_WRITE != 0 {
            let mode = stat.st_mode & 0o7777;
            let message = format!("{part} may be written by others (mode {mode:04o}); chmod go-w");
            return Err(self.refuse(message));
        }
        Ok(())
    }

    /// The policy has compared the paths; behind links and other mounts the directories tell.
    fn check_place(&self, stat: &Stat) -> Result<(), Failure> {
        match self.roots.and_then(|roots| roots.name_of(identity(stat))) {
            None => Ok(()),
            Some(root) => {
                let why = "where it may be replaced; name a program of the system";
                Err(self.refuse(format!("it lies within the root `{root}`, {why}")))
            }
        }
    }

    fn check_native(&self, fd: &OwnedFd) -> Result<(), Failure> {
        let file = crate::roots::reopen(fd.as_fd(), OFlags::RDONLY)
            .map_err(|errno| self.system("cannot tell whether it is a script", errno))?;
        let mut magic = [0; ELF.len()];
        let read = rustix::io::pread(&file, &mut magic, 0)
            .map_err(|errno| self.system("cannot tell whether it is a script", errno))?;
        if read == magic.len() && magic == ELF {
            return Ok(());
        }
        let message = "it is a script or no program of this system, and only native programs run; \
                       name the program that the script starts";
        Err(self.refuse(message))
    }

    fn check_contents(&self, fd: &OwnedFd, sha256: &str) -> Result<(), Failure> {
        let unread = |errno| self.system("cannot tell its SHA-256", errno);
        let file = crate::roots::reopen(fd.as_fd(), OFlags::RDONLY).map_err(unread)?;
        let mut hasher = Sha256::new();
        let mut piece = vec![0; PIECE];
        loop {
            match rustix::io::read(&file, &mut piece) {
                Ok(0) => break,
                Ok(count) => hasher.update(piece.get(..count).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(unread(errno)),
            }
        }
        let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == sha256 {
            return Ok(());
        }
        let message = format!(
            "its SHA-256 is {found}, and the rule's is {sha256}; if the new program is right, \
             write its digest into the policy"
        );
        Err(self.refuse(message))
    }

    fn stat(&self, fd: &OwnedFd, part: &str) -> Result<Stat, Failure> {
        rustix::fs::statat(fd, "", AtFlags::EMPTY_PATH).map_err(|errno| self.system(part, errno))
    }

    fn refuse(&self, why: impl AsRef<str>) -> Failure {
        let message = format!("the program {}: {}", self.path, why.as_ref());
        Failure::new(ErrorKind::Changed, message)
    }

    fn system(&self, what: &str, errno: Errno) -> Failure {
        let failure = Failure::system(format!("the program {}: {what}", self.path), errno);
        // Whatever the number: `not-found` would say that a path argument is gone.
        Failure { kind: ErrorKind::Changed, ..failure }
    }
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "makes programs to refuse")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refusal(path: &str) -> String {
        find(Walk::new(path, rustix::process::geteuid().as_raw(), None), None, true)
            .unwrap_err()
            .message
    }

    #[test]
    fn what_the_system_installed_may_run() {
        for path in ["/usr/bin/env", "/bin/cat", "/usr/bin/sh"] {
            find(Walk::new(path, rustix::process::geteuid().as_raw(), None), None, true).unwrap();
        }
    }

    #[test]
    fn a_link_does_not_hide_what_runs_programs() {
        let user = rustix::process::geteuid().as_raw();
        // Every Debian calls one of its awks so; every system has a shell behind this name.
        let failure = find(Walk::new("/usr/bin/sh", user, None), None, false).unwrap_err();
        assert!(failure.message.contains("which runs other programs"), "{failure}");
        find(Walk::new("/usr/bin/sh", user, None), None, true).unwrap();
    }

    #[test]
    fn a_directory_that_others_write_spoils_what_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("tool");
        fs::copy("/usr/bin/env", &program).unwrap();
        // Temporary directories lie in /tmp, which everybody writes.
        assert!(refusal(program.to_str().unwrap()).contains("may be written by others"));
    }

    /// A place that only root writes, which temporary directories do not have.
    #[test]
    fn a_program_that_others_write_or_own_is_refused_in_whatever_place() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED (needs root): programs in a directory that only root writes");
            return;
        }
        let directory = tempfile::tempdir_in("/run").unwrap();
        let program = directory.path().join("tool");
        fs::copy("/usr/bin/env", &program).unwrap();
        let mode = |bits| fs::set_permissions(&program, fs::Permissions::from_mode(bits)).unwrap();
        let path = program.to_str().unwrap();
        for bits in [0o775, 0o757] {
            mode(bits);
            assert!(refusal(path).contains("may be written by others"), "{bits:o}");
        }
        mode(0o755);
        find(Walk::new(path, 0, None), None, true).unwrap();
        std::os::unix::fs::chown(&program, Some(65534), None).unwrap();
        assert!(refusal(path).contains("belongs to user 65534"));
    }

    #[test]
    fn links_are_walked_and_directories_are_no_programs() {
        assert!(refusal("/usr/bin").contains("not a regular file"));
        assert!(refusal("/usr/bin/env/x").contains("is not a directory"));
        assert!(refusal("/etc/passwd").contains("not executable"));
    }

    #[test]
    fn what_is_gone_has_changed() {
        let failure = find(Walk::new("/usr/bin/no-such-tool", 0, None), None, true).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Changed, "{failure}");
    }

    #[test]
    fn a_script_is_refused() {
        let walk = Walk::new("/x", 0, None);
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let fd = OwnedFd::from(fs::File::open(script).unwrap());
        assert!(walk.check_native(&fd).unwrap_err().message.contains("script"));
    }
}
