//! The options of this driver: their declarations, and their values, checked.
//! Called by `describe` and once at the beginning of each call.

use core::time::Duration;

use abaca_sdk::{Error, OptionDeclaration, OptionType, Result, config};

use crate::faults;

const CAPACITY: &str = "dummy_capacity_gib";
const EXPORT_HOST: &str = "dummy_export_host";
const POOLS: &str = "dummy_pools";
const THIN: &str = "dummy_thin_provisioning";
const USAGE: &str = "dummy_usage";
const REPLICATION_TYPE: &str = "dummy_replication_type";
const NETWORK_ALLOCATIONS: &str = "dummy_network_allocations";
const ADMIN_NETWORK_ALLOCATIONS: &str = "dummy_admin_network_allocations";
const MORE_ALLOCATIONS: &str = "dummy_more_allocations";
const ALLOCATE_FOR: &str = "dummy_allocate_for";
const ALLOCATE_TIMES: &str = "dummy_allocate_times";
const SHARES_PER_SERVER: &str = "dummy_shares_per_server";
const CHOICE: &str = "dummy_choice";
const SECRET: &str = "dummy_secret";
const FAIL: &str = "dummy_fail";
const DELAY: &str = "dummy_delay_ms";

/// How many times the capacity may be promised; an option of every driver.
const RATIO: &str = "max_over_subscription_ratio";

/// What [`REPLICATION_TYPE`] may be.
const REPLICATION_TYPES: [&str; 3] = ["readable", WRITABLE, "dr"];

/// Where all replicas are active.
pub const WRITABLE: &str = "writable";

/// The options' values.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many GiB each pool has.
    pub capacity_gib: u64,
    /// Where clients find shares that no share server carries.
    pub export_host: String,
    /// The pools' names, at least one.
    pub pools: Vec<String>,
    /// How many times thin provisioning lets the capacity be promised; none without it.
    pub thin_ratio: Option<f64>,
    /// What part of a share is in use, 0 to 1, where its metadata does not say.
    pub usage: f64,
    /// `readable`, `writable` or `dr`.
    pub replication_type: String,
    /// How many addresses a share server needs on the users' side.
    pub network_allocations: u32,
    /// How many on the operator's side.
    pub admin_network_allocations: u32,
    /// How many more addresses it leases by itself while a share server is set up.
    pub more_allocations: u32,
    /// The share server that it leases those for, if not the one that is set up.
    pub allocate_for: Option<String>,
    /// How often it leases those, each time the same ones.
    pub allocate_times: u32,
    /// How many shares a share server carries.
    pub shares_per_server: usize,
    /// The share server to choose, whatever there is to choose from.
    pub choice: Option<String>,
    /// The name under which a secret could be passed on.
    pub secret: Option<String>,
    /// The failure that is asked for.
    pub fail: Option<String>,
    /// How long each call waits.
    pub delay: Duration,
}

/// The declarations, in the order in which an operator should read them.
pub fn declarations() -> [OptionDeclaration; 16] {
    let option = OptionDeclaration::new;
    [
        option(
            EXPORT_HOST,
            OptionType::Text,
            "The host in the export locations of shares that no share server carries.",
        )
        .or("192.0.2.1"),
        option(POOLS, OptionType::TextList, "The names of the pools, at least one.")
            .or("alpha,beta"),
        option(CAPACITY, OptionType::Integer, "How many GiB each pool has.").or("1000"),
        option(
            THIN,
            OptionType::Boolean,
            "Whether space is promised beyond the capacity, up to max_over_subscription_ratio \
             times.",
        )
        .or("false"),
        option(
            USAGE,
            OptionType::Float,
            "What part of a share counts as used, 0 to 1, where its metadata `used_gib` does not \
             say.",
        )
        .or("0"),
        option(
            REPLICATION_TYPE,
            OptionType::Text,
            "What replicas are good for: readable, writable or dr.",
        )
        .or("readable"),
        option(
            NETWORK_ALLOCATIONS,
            OptionType::Integer,
            "How many addresses a share server needs on the users' side.",
        )
        .or("1"),
        option(
            ADMIN_NETWORK_ALLOCATIONS,
            OptionType::Integer,
            "How many addresses a share server needs on the operator's side.",
        )
        .or("0"),
        option(
            MORE_ALLOCATIONS,
            OptionType::Integer,
            "How many more addresses the driver leases by itself on the users' side while a share \
             server is set up.",
        )
        .or("0"),
        option(
            ALLOCATE_FOR,
            OptionType::Text,
            "The share server that it leases those for, for tests: not the one that is set up.",
        ),
        option(
            ALLOCATE_TIMES,
            OptionType::Integer,
            "How often it leases those, for tests: each time the same ones.",
        )
        .or("1"),
        option(SHARES_PER_SERVER, OptionType::Integer, "How many shares one share server carries.")
            .or("10"),
        option(
            CHOICE,
            OptionType::Text,
            "The share server to choose, for tests: it need not be one that is offered.",
        ),
        option(
            SECRET,
            OptionType::Text,
            "Not used; it shows that a driver sees a secret's name and never the secret.",
        )
        .secret(),
        option(
            FAIL,
            OptionType::Text,
            "An error to answer, for tests: CASE, METHOD:CASE or METHOD:CASE=TEXT in the \
             contract's words, for example create-share:backend-failed.",
        ),
        option(
            DELAY,
            OptionType::Integer,
            "How many milliseconds each call waits first, for tests.",
        )
        .or("0"),
    ]
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// [`Error::BadConfiguration`] for a value that does not do.
    pub fn load() -> Result<Self> {
        Self {
            capacity_gib: whole(CAPACITY)?,
            export_host: config::required_text(EXPORT_HOST)?,
            pools: config::required_text_list(POOLS)?,
            thin_ratio: match config::required_boolean(THIN)? {
                true => Some(config::float(RATIO)?.unwrap_or(1.0)),
                false => None,
            },
            usage: config::required_float(USAGE)?,
            replication_type: config::required_text(REPLICATION_TYPE)?,
            network_allocations: whole(NETWORK_ALLOCATIONS)?,
            admin_network_allocations: whole(ADMIN_NETWORK_ALLOCATIONS)?,
            more_allocations: whole(MORE_ALLOCATIONS)?,
            allocate_for: config::text(ALLOCATE_FOR)?,
            allocate_times: whole(ALLOCATE_TIMES)?,
            shares_per_server: whole(SHARES_PER_SERVER)?,
            choice: config::text(CHOICE)?,
            secret: config::secret(SECRET)?,
            fail: config::text(FAIL)?,
            delay: Duration::from_millis(whole(DELAY)?),
        }
        .checked()
    }

    /// The values, if they do.
    fn checked(self) -> Result<Self> {
        let bad = |text: String| Err(Error::BadConfiguration(text));
        if self.pools.is_empty() || self.pools.iter().any(String::is_empty) {
            return bad(format!("{POOLS} is empty or names an empty pool; name one or more"));
        }
        if self.export_host.is_empty() || self.export_host.contains(['/', '\\', ' ']) {
            return bad(format!("{EXPORT_HOST} = `{}` is no host", self.export_host));
        }
        if !(0.0..=1.0).contains(&self.usage) {
            return bad(format!("{USAGE} = {} is no part of a share; set 0 to 1", self.usage));
        }
        if !REPLICATION_TYPES.contains(&self.replication_type.as_str()) {
            let (types, is) = (REPLICATION_TYPES.join(", "), &self.replication_type);
            return bad(format!("{REPLICATION_TYPE} = `{is}` is none of {types}"));
        }
        if let Some(fail) = &self.fail {
            faults::requested(fail, "")?;
        }
        Ok(self)
    }
}

/// The value of an option that counts something.
fn whole<T: TryFrom<i64>>(name: &str) -> Result<T> {
    count(name, config::required_integer(name)?)
}

fn count<T: TryFrom<i64>>(name: &str, value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| {
        Error::BadConfiguration(format!("{name} = {value} counts nothing; set 0 or a little more"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::settings;

    #[test]
    fn values_that_do_not_do_are_refused() {
        assert!(settings().checked().is_ok());
        let pools = |pools: &[&str]| pools.iter().map(|pool| (*pool).to_owned()).collect();
        for bad in [
            Settings { pools: pools(&[]), ..settings() },
            Settings { pools: pools(&["alpha", ""]), ..settings() },
            Settings { export_host: "a/b".into(), ..settings() },
            Settings { export_host: String::new(), ..settings() },
            Settings { usage: 1.5, ..settings() },
            Settings { usage: f64::NAN, ..settings() },
            Settings { replication_type: "Readable".into(), ..settings() },
            Settings { fail: Some("m:nonsense".into()), ..settings() },
        ] {
            assert!(matches!(bad.clone().checked(), Err(Error::BadConfiguration(_))), "{bad:?}");
        }
    }

    #[test]
    fn counts_are_not_negative() {
        assert_eq!(count("n", 3), Ok(3_u32));
        assert!(count::<u32>("n", -1).is_err() && count::<u32>("n", i64::MAX).is_err());
    }

    #[test]
    fn options_carry_the_drivers_name_and_every_type() {
        let all = declarations();
        assert!(all.iter().all(|option| option.name.starts_with("dummy_")));
        for wanted in [
            OptionType::Text,
            OptionType::Integer,
            OptionType::Float,
            OptionType::Boolean,
            OptionType::TextList,
        ] {
            assert!(all.iter().any(|option| option.option_type == wanted), "{wanted:?}");
        }
        assert!(all.iter().any(|option| option.secret));
    }
}
