//! Secrets: a guest writes the name of an option, the program is given what the operator put
//! into that option's file.
//!
//! The value is never here. What is granted says which option and how it is passed; the runtime
//! takes the value out of its options, and the broker hands it on.

use std::fmt;

use crate::aspect::{Aspects, aspects};
use crate::error::Flaw;
use crate::grant::{Argument, SecretArgument, SecretPass};
use crate::load::fields::{Fields, Value, choice, explanation, text};
use crate::matcher::Reading;
use crate::outline::Outline;
use crate::text::{MAX_IDENTIFIER, is_option_name, shown};

/// One secret option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret(SecretArgument);

impl Secret {
    /// Reads the whole matcher: `{ secret = "OPTION", pass = "fd" }`.
    pub(crate) fn load(value: &Value<'_>) -> Result<Secret, Flaw> {
        let fields = Fields::new(value, "a matcher", &["secret", "pass", "exposed"])?;
        let name = fields.require("secret")?;
        let option = text(name, "`secret`")?;
        if !is_option_name(option) {
            return Err(Flaw::new(
                name.span(),
                format!("{} is no name of an option", shown(option)),
            )
            .help(format!(
                "write lower-case letters, digits and `_`, a letter first, at most \
                     {MAX_IDENTIFIER}, as the driver declares it"
            )));
        }
        let pass = match fields.get("pass") {
            Some(pass) => choice(pass, "way to pass a secret", &SecretPass::ALL)?,
            None => SecretPass::Fd,
        };
        match (pass, fields.get("exposed")) {
            (SecretPass::Argument, Some(why)) => drop(explanation(why, "`exposed`")?),
            (SecretPass::Fd, None) => {}
            (SecretPass::Argument, None) => {
                return Err(Flaw::new(
                    value.span(),
                    "an argument can be read by everybody on the machine while the program runs",
                )
                .help(
                    "leave out `pass`, and the program is told a file; or, if it takes a secret \
                     in no other way, add `exposed = \"why\"`",
                ));
            }
            (SecretPass::Fd, Some(why)) => {
                return Err(Flaw::new(why.span(), "`exposed` is for `pass = \"argument\"` only")
                    .help("leave it out: nobody else can read what is passed by descriptor"));
            }
        }
        Ok(Secret(SecretArgument { option: option.to_owned(), pass }))
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        (word == self.0.option).then(|| Reading {
            argument: Argument::Secret(self.0.clone()),
            values: vec![("secret".to_owned(), word.to_owned())],
            claims: Vec::new(),
        })
    }

    /// The option's name.
    pub(crate) fn option(&self) -> &str {
        &self.0.option
    }

    /// Exact; `pass` does not tell two matchers apart, since it is not written.
    pub(crate) fn intersects(&self, other: &Secret) -> bool {
        self.0.option == other.0.option
    }

    /// Exact.
    pub(crate) fn covers(&self, other: &Secret) -> bool {
        self == other
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let pass = SecretPass::ALL.iter().find(|(_, pass)| *pass == self.0.pass);
        aspects([
            ("secret", self.0.option.clone()),
            ("secret.pass", pass.map_or("", |(word, _)| word).to_owned()),
        ])
    }

    /// Whether others on the machine can read it while the program runs.
    pub(crate) fn is_exposed(&self) -> bool {
        self.0.pass == SecretPass::Argument
    }

    pub(crate) fn outline(&self) -> Outline {
        Outline::default().text(&self.0.option)
    }
}

/// `<secret OPTION>`
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
