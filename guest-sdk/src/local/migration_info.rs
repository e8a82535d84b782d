//! What `migration-info` answers for a share that is a directory of this host.

use crate::{MountCommands, Path};

/// What stands for the place where it is mounted.
const PLACE: &str = "%(path)s";

/// Commands that show a directory beneath a granted root once more. The source is spelled
/// `root:way`, since no driver knows where a root is: the runtime's own copier reads it so, and asks
/// the policy for it.
#[must_use]
pub fn mount_commands(directory: &Path) -> MountCommands {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    MountCommands {
        mount: words(&["mount", "--bind", &directory.to_string(), PLACE]),
        unmount: words(&["umount", PLACE]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;

    #[test]
    fn a_directory_is_bound_to_the_place() {
        let commands = mount_commands(&Root("shares").join("share-1"));
        assert_eq!(commands.mount, ["mount", "--bind", "shares:share-1", "%(path)s"]);
        assert_eq!(commands.unmount, ["umount", "%(path)s"]);
    }
}
