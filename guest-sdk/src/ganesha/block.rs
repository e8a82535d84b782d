//! The text of an export's block: one item a line, always in the same order, as the policy's
//! rule has it. Called by `Ganesha`.

use super::Export;
use super::clients::Client;

/// The block of an export: who may come is said by its clients alone.
pub fn write(export: &Export<'_>, number: u16, options: &[String], clients: &[Client]) -> String {
    let fixed = [
        format!("Export_Id = {number};"),
        format!("Path = {};", export.path),
        format!("Pseudo = /{};", export.name),
        // Else clients take exports of one file system for one.
        format!("Filesystem_id = 1.{number};"),
        "Access_Type = NONE;".to_owned(),
        "Protocols = 4;".to_owned(),
        "Transports = TCP;".to_owned(),
        "FSAL { Name = VFS; }".to_owned(),
    ];
    let lines = fixed.iter().chain(options).cloned().chain(clients.iter().map(Client::to_string));
    let mut block = "EXPORT {\n".to_owned();
    for line in lines {
        block.push_str("  ");
        block.push_str(&line);
        block.push('\n');
    }
    block.push_str("}\n");
    block
}

#[cfg(test)]
mod tests {
    use super::super::clients;
    use super::*;
    use crate::{AccessLevel, AccessRule, AccessType, Root};

    #[test]
    fn a_block_is_lines_in_a_fixed_order() {
        let path = Root("shares").join("share-1");
        let export = Export { name: "share-1", path: &path };
        let rule = AccessRule {
            id: "r".into(),
            access_type: AccessType::Ip,
            access_to: "198.51.100.0/24".into(),
            access_level: AccessLevel::Ro,
        };
        let (clients, _) = clients::of(&[rule]);
        let expected = "\
EXPORT {
  Export_Id = 7;
  Path = shares:share-1;
  Pseudo = /share-1;
  Filesystem_id = 1.7;
  Access_Type = NONE;
  Protocols = 4;
  Transports = TCP;
  FSAL { Name = VFS; }
  Squash = No_Root_Squash;
  CLIENT { Clients = 198.51.100.0/24; Access_Type = RO; }
}
";
        assert_eq!(write(&export, 7, &["Squash = No_Root_Squash;".into()], &clients), expected);
    }
}
