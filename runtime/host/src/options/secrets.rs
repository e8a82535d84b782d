//! Secret options: the operator says where the value is kept (`kept`), never what it is. It is read
//! when a command needs it, and not held: what nobody has cannot leak. Only what the policy reveals
//! to the driver is (`crate::revealed`). Called by `options`, by `Backend::open` and by the imports.

use std::collections::BTreeMap;

use abaca_policy::Policy;
use zeroize::Zeroizing;

use super::kept::{self, Refused};
use super::{OptionError, OptionValue, OptionValues};
use crate::types::{OptionDeclaration, OptionType};

impl OptionValues {
    /// Refuses secrets that are given as themselves and not by where they are kept.
    ///
    /// # Errors
    /// For the first of them.
    pub(super) fn refuse_shown_secrets(
        &self,
        given: &BTreeMap<String, OptionValue>,
    ) -> Result<(), OptionError> {
        let is_secret = |name: &str| {
            self.slots.values().any(|row| row.declaration.secret && row.is_called(name))
        };
        match given.iter().find(|(name, value)| is_secret(name) && kept::place(value).is_none()) {
            None => Ok(()),
            Some((name, _)) => Err(OptionError {
                name: name.clone(),
                reason:
                    "it is secret, so its value stands in a file of its own, or in a variable of \
                         the environment"
                        .to_owned(),
                help: Some(format!(
                    "write `{name} = {{ file = \"secrets/{name}\" }}`, and the value into that file; \
                     or `{{ env = \"NAME\" }}`"
                )),
            }),
        }
    }

    /// Looks at where every secret that is set is kept: a regular file of root or of the user that
    /// runs this, which nobody else can reach, or a variable; neither empty nor large.
    ///
    /// # Errors
    /// For the first that does not do, with the option, the place, and what to do.
    pub(crate) fn check_secrets(&self) -> Result<(), OptionError> {
        self.rows().filter_map(|row| Some((row, row.value.as_ref()?))).try_for_each(
            |(row, value)| {
                kept::check(value).map_err(|refused| unkept(&row.declaration.name, value, refused))
            },
        )
    }
}

impl OptionValues {
    /// What a secret option holds now.
    ///
    /// # Errors
    /// When the option is not set, or where it is kept no longer does.
    pub(crate) async fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, OptionError> {
        let (values, option) = (self.lookup(name), name.to_owned());
        let read = move || read(&option, values.as_ref());
        tokio::task::spawn_blocking(read).await.map_err(|stopped| OptionError {
            name: name.to_owned(),
            reason: stopped.to_string(),
            help: None,
        })?
    }

    /// As [`secret`](Self::secret), on this thread.
    pub(crate) fn secret_now(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, OptionError> {
        read(name, self.lookup(name).as_ref())
    }

    /// Refuses a policy that passes on, or reveals, what is no secret of the driver's.
    ///
    /// # Errors
    /// For the first such option, with the rule that names it, where one does.
    pub(crate) fn check_passed_on(&self, policy: &Policy) -> Result<(), OptionError> {
        let is_secret =
            |option: &str| self.slots.get(option).is_some_and(|row| row.declaration.secret);
        if let Some(option) = policy.revealed().find(|option| !is_secret(option)) {
            return Err(OptionError {
                name: option.to_owned(),
                reason: "the policy reveals it to the driver, and it is no secret option of this \
                         driver"
                    .to_owned(),
                help: Some("`abaca driver inspect FILE` shows which it declares".to_owned()),
            });
        }
        match policy.secrets().find(|(_, option)| !is_secret(option)) {
            None => Ok(()),
            Some((rule, option)) => Err(OptionError {
                name: option.to_owned(),
                reason: format!(
                    "the policy's rule `{rule}` passes it on as a secret, and it is no secret \
                     option of this driver"
                ),
                help: Some("`abaca driver inspect FILE` shows which it declares".to_owned()),
            }),
        }
    }
}

fn read(name: &str, value: Option<&OptionValue>) -> Result<Zeroizing<Vec<u8>>, OptionError> {
    match value {
        Some(value) if kept::place(value).is_some() => {
            kept::read(value).map_err(|refused| unkept(name, value, refused))
        }
        _ => Err(super::error(name, "it is not set".to_owned())),
    }
}

/// Where a secret is kept does not do.
fn unkept(name: &str, value: &OptionValue, Refused { reason, help }: Refused) -> OptionError {
    let place = kept::place(value).unwrap_or_default();
    OptionError {
        name: name.to_owned(),
        reason: format!("{place} {reason}"),
        help: Some(help).filter(|help| !help.is_empty()),
    }
}

/// What a driver may declare as secret: a file holds a text, and a default would be known to all.
pub(super) fn check_declaration(declaration: &OptionDeclaration) -> Result<(), String> {
    if declaration.secret && declaration.option_type != OptionType::Text {
        return Err("it is secret, and only a text can be".to_owned());
    }
    if declaration.secret && declaration.default.is_some() {
        return Err("it is secret, and a secret has no default".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_without_a_default_can_be_secret() {
        let declared = |option_type, default: Option<&str>| {
            let declaration = OptionDeclaration {
                name: "filer_token".to_owned(),
                option_type,
                help: "A token.".to_owned(),
                default: default.map(str::to_owned),
                required: false,
                secret: true,
                deprecated_names: Vec::new(),
            };
            OptionValues::check_declarations(&[declaration]).map_err(|error| error.to_string())
        };
        assert_eq!(declared(OptionType::Text, None), Ok(()));
        let refused = declared(OptionType::Text, Some("guessed")).unwrap_err();
        assert!(refused.contains("filer_token") && refused.contains("no default"), "{refused}");
        assert!(!refused.contains("guessed"), "{refused}");
        for other in [OptionType::Integer, OptionType::TextList] {
            let refused = declared(other, None).unwrap_err();
            assert!(refused.contains("only a text"), "{refused}");
        }
    }
}
