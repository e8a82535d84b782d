//! What is asked of every attack: that it is refused for the right reason, that a neighbour is
//! served during and after it, that nothing is left of it, that no secret came out, and that its
//! benign twin succeeds.

use super::leaks::World;
use super::{Attack, Range, Setup};

/// How many characters of what an attacker is told are printed.
const SHOWN: usize = 300;

/// Answers of fewer bytes than this have to be all of what is told, or a whole part of it.
const SHORT: usize = 4;

/// One attack on trial.
pub struct Trial {
    attack: &'static Attack,
    setup: Setup,
    given: fn(&Range),
}

/// What somebody was told, in one text or several.
pub trait Told {
    fn texts(self) -> Vec<String>;
}

impl Told for String {
    fn texts(self) -> Vec<String> {
        vec![self]
    }
}

impl Told for Vec<String> {
    fn texts(self) -> Vec<String> {
        self
    }
}

impl Trial {
    /// The attack of this name.
    pub fn of(attacks: &'static [Attack], name: &str) -> Self {
        let attack = attacks.iter().find(|attack| attack.name == name).unwrap();
        Self { attack, setup: Setup::default(), given: |_| {} }
    }

    pub fn setup(self, setup: Setup) -> Self {
        Self { setup, ..self }
    }

    pub fn given(self, given: fn(&Range)) -> Self {
        Self { given, ..self }
    }

    /// Runs the attack and its twin.
    pub fn run<A, B, T, U>(self, act: A, twin: B)
    where
        A: AsyncFnOnce(&Range) -> T,
        B: AsyncFnOnce(&Range) -> U,
        T: Told,
        U: Told,
    {
        // One thread: what an attack keeps busy, it keeps from its neighbour.
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        executor.block_on(async {
            let range = Range::new(self.setup).await;
            (self.given)(&range);
            range.warm_up().await;
            let before = World::look(&range);
            let (told, ()) = tokio::join!(act(&range), range.neighbour_works());
            self.attack.was_refused(&range, &told.texts());
            range.neighbour_lives().await;
            before.is_as_it_was(&range).await;
            self.attack.has_a_twin(&twin(&range).await.texts());
            range.attacker_is_served().await;
            range.audit_is_whole();
        });
    }
}

impl Attack {
    fn was_refused(&self, range: &Range, told: &[String]) {
        assert!(!told.is_empty(), "{}: it was told nothing", self.name);
        for text in told {
            // For whoever runs it with `--no-capture`.
            println!("{}: {}", self.name, text.chars().take(SHOWN).collect::<String>());
            assert!(
                text.contains(self.refused),
                "{}: it was not refused because of {:?} but told {text:?}",
                self.name,
                self.refused,
            );
            assert!(!text.contains(&range.canary), "{}: a secret came out: {text:?}", self.name);
        }
    }

    fn has_a_twin(&self, told: &[String]) {
        assert!(!told.is_empty(), "{}: its twin was told nothing", self.name);
        for text in told {
            // A short answer stands in many an error by chance.
            let is_told = match self.answers.len() {
                ..SHORT => text.lines().any(|line| {
                    // A time begins with whatever this year's begin with.
                    let is_time = line.bytes().all(|byte| byte.is_ascii_digit());
                    line == self.answers
                        || line.split(':').any(|part| part == self.answers)
                        || (is_time && line.starts_with(self.answers))
                }),
                _ => text.contains(self.answers),
            };
            assert!(
                is_told && !text.starts_with("err:"),
                "{}: its benign twin should be told {:?} and was told {text:?}",
                self.name,
                self.answers,
            );
        }
    }
}
