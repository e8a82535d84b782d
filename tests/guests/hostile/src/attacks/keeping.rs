//! Attacks through `state` and `lock`: what a driver keeps, and what it keeps from others.

use core::time::Duration;

use abaca_sdk::state::{self, Change, Entity};
use abaca_sdk::{Error, Result, clock, lock};

use super::{answered, argument, number};

/// Bytes of each value of `flood`.
const VALUE_BYTES: usize = 1024;

/// `get`, `set`, `all`, `find`, `clear`, `grow`, `batch`, `torn` or `trap`, and what they need.
pub fn state(arguments: &[&str]) -> Result<Vec<String>> {
    let word = |index| argument(arguments, index);
    Ok(match word(0)? {
        "get" => answered(Entity(word(1)?).get(word(2)?)),
        "set" => answered(Entity(word(1)?).set(word(2)?, word(3)?)),
        "all" => answered(Entity(word(1)?).all()),
        "find" => answered(state::find(word(1)?).map(|found| found.len())),
        "clear" => answered(Entity(word(1)?).clear()),
        "grow" => {
            let bytes = usize::try_from(number(word(1)?)?).unwrap_or(usize::MAX);
            answered(Entity("grown").set(&"k".repeat(bytes.min(64)), &"v".repeat(bytes)))
        }
        "batch" => {
            let change = |index| Change::set_key("batch", &format!("key-{index}"), "value");
            answered(state::apply((0..number(word(1)?)?).map(change).collect()))
        }
        "torn" => {
            let good = Change::set_key("torn", "good", "value");
            let bad = Change::set_key("torn", "bad\nkey", "value");
            let mut told = answered(state::apply(vec![good, bad]));
            told.extend(answered(Entity("torn").all()));
            told
        }
        "trap" => {
            Entity("trap").set("before", "the trap")?;
            std::process::abort()
        }
        unknown => {
            return Err(Error::InvalidShare(format!("no state attack is called `{unknown}`")));
        }
    })
}

/// Sets keys until the host refuses, and says how many it took.
pub fn flood() -> Vec<String> {
    let value = "v".repeat(VALUE_BYTES);
    let mut taken: u64 = 0;
    loop {
        match Entity("hostile").set(&format!("key-{taken}"), &value) {
            Ok(()) => taken += 1,
            Err(error) => return vec![format!("ok:{taken}"), format!("err:{error:?}")],
        }
    }
}

/// Takes the lock of the first argument within the milliseconds of the third, or as long as the
/// call may take, and holds it for those of the second. Says from when to when it held it.
pub fn lock_hold(arguments: &[&str]) -> Result<Vec<String>> {
    let milliseconds = |text: &str| number(text).map(Duration::from_millis);
    let held_for = milliseconds(argument(arguments, 1)?)?;
    let patience = arguments.get(2).map(|text| milliseconds(text)).transpose()?;
    let _guard = match lock::acquire(argument(arguments, 0)?, patience) {
        Ok(guard) => guard,
        Err(error) => return Ok(vec![format!("err:{error:?}")]),
    };
    let from = clock::now()?;
    clock::sleep(held_for)?;
    Ok(vec![format!("{}", from.as_millis()), format!("{}", clock::now()?.as_millis())])
}

/// Takes all locks that it is given, waiting for none.
pub fn locks(arguments: &[&str]) -> Vec<String> {
    let mut held = Vec::new();
    for name in arguments {
        match lock::acquire(name, Some(Duration::ZERO)) {
            Ok(guard) => held.push(guard),
            Err(error) => return vec![format!("err:{error:?}")],
        }
    }
    vec![format!("ok:{}", held.len())]
}
