//! A service goes on with what `abaca driver upgrade` and `rollback` decide while it runs: it
//! looks which version each backend should run, opens that beside the old one, and puts it in the
//! old one's place. Calls that have begun end as they began; nobody waits.
//!
//! Called by `serve`. A version that cannot be opened changes nothing but is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use abaca::door::Door;

use crate::failure::Result;
use crate::output::{Output, complain, plain};
use crate::service::Service;

/// How often it looks: an operator who has upgraded should not wonder. It costs the reading of
/// one small file for each backend.
const LOOK: Duration = Duration::from_millis(500);

/// The numbers of the versions that backends were opened with, by name; of a backend whose driver
/// was never upgraded there is none.
pub type Opened = BTreeMap<String, Option<u32>>;

/// Follows the versions as long as it is polled.
pub async fn follow(service: Arc<Service>, door: Door, mut opened: Opened, output: Output) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        for (name, version) in &mut opened {
            // What cannot be read just now may be read the next time.
            let Ok(wanted) = service.version(name) else { continue };
            if wanted == *version {
                continue;
            }
            *version = wanted;
            let number =
                wanted.map_or_else(|| "configured".to_owned(), |number| number.to_string());
            match Box::pin(replace(&service, &door, name, output)).await {
                Ok(()) => complain(&format!("{name} runs version {number} from now on\n")),
                Err(failure) => complain(&format!(
                    "warning: {name}: version {number} cannot be used, and the one before goes \
                     on: {}\n",
                    plain(&failure.to_string())
                )),
            }
        }
    }
}

/// Opens the version that should run now, and lets it answer from now on.
async fn replace(service: &Service, door: &Door, name: &str, output: Output) -> Result<()> {
    let backend = service.served(service.entry(name)?, output).await?;
    door.replace(backend);
    Ok(())
}
