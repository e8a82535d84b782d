//! The hostile corpus: attacks by a driver that is entirely in an attacker's hands, by the
//! programs it is granted, by tenants who prepare its ground, and by clients of the door. One
//! file for each surface; [`Attack`] is what each attack says of itself, [`trial`] what is asked
//! of all of them, `README.md` the list, which `catalogue` keeps.
//!
//! ```text
//! fixture ─▶ look at the world ─▶ attack │ a neighbour works meanwhile ─▶ refused for that reason?
//!   ─▶ the neighbour's whole lifecycle ─▶ is the world as it was? ─▶ the benign twin succeeds
//! ```
//! An attack is one test: `just hostile` runs them as root and as an ordinary user.

mod assembly;
mod catalogue;
mod leaks;
mod range;
mod trial;

mod allocator;
mod arguments;
mod bombs;
mod claims;
mod commands;
mod component_bytes;
mod concurrency;
mod config;
mod contents;
mod door;
mod engine;
mod floods;
mod governed;
mod granted;
mod holes;
mod host_calls;
mod lifted_data;
mod links;
mod log;
mod names;
mod paths;
mod powers;
mod race;
mod requests;
mod resources;
mod rootwrap;
mod sockets;
mod spellings;
mod state;
mod streams;

pub use range::{Range, Setup, limits};
pub use trial::Trial;

/// What is attacked. A surface has one file or several, each of which says to which it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surface {
    ComponentBytes,
    Engine,
    LiftedData,
    Arguments,
    PathsAndRaces,
    EscapingCommands,
    Streams,
    OutputFloods,
    Resources,
    HostCalls,
    State,
    Config,
    Log,
    Concurrency,
    Door,
}

/// What an attack says of itself.
#[derive(Debug)]
pub struct Attack {
    /// The test's name.
    pub name: &'static str,
    pub surface: Surface,
    /// What is attacked, and how.
    pub does: &'static str,
    /// The containment expected.
    pub contained: &'static str,
    /// The right reason: this stands in all that the attacker is told.
    pub refused: &'static str,
    /// What its benign twin, the same with a harmless parameter, is told.
    pub answers: &'static str,
}

/// Makes a test of each attack of a surface, and the list `ALL` of them. The doc comment says what
/// is attacked. `attack` and `twin` answer one text or several, `given` prepares the ground, and
/// `setup` says what else the range has.
macro_rules! attacks {
    ($surface:ident: $(
        $(#[doc = $does:literal])+
        $name:ident {
            $(setup: $setup:expr,)?
            $(given: $given:expr,)?
            attack: $attack:expr,
            contained: $contained:literal,
            refused: $refused:literal,
            twin: $twin:expr,
            answers: $answers:literal,
        }
    )+) => {
        /// All attacks of this file.
        pub const ALL: &[$crate::hostile::Attack] = &[$($crate::hostile::Attack {
            name: stringify!($name),
            surface: $crate::hostile::Surface::$surface,
            does: concat!($($does),+),
            contained: $contained,
            refused: $refused,
            answers: $answers,
        }),+];
        $(
            $(#[doc = $does])+
            #[test]
            fn $name() {
                $crate::hostile::Trial::of(ALL, stringify!($name))
                    $(.setup($setup))?
                    $(.given($given))?
                    .run($attack, $twin);
            }
        )+
    };
}
use attacks;
