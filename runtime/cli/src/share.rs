//! `abaca share`: makes, shows, resizes and removes shares. What a share service checks before
//! it calls a driver is in `checks`; everything after that is the library's. Making one is in
//! `create`, taking one over in `manage`.

mod checks;
mod create;
mod manage;
mod new;
mod view;

use abaca::Error;
use abaca::types::Error as DriverError;

pub use self::checks::{check_alone, check_idle, check_no_snapshots, check_served};
pub use self::new::{another_instance, chosen_pool, instance_of, new_share, now};

use self::checks::{check_not_in_cgsnapshot, check_ours};
use self::view::View;
use crate::answers;
use crate::cli::{Resize, ShareCommand};
use crate::failure::Result;
use crate::found::Found;
use crate::naming::Placed;
use crate::output::{Output, notes, table};
use crate::recorded::{WholeShare, again};
use crate::service::Service;
use crate::share_server::carrying;

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(command: ShareCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        ShareCommand::Create(asked) => create::create(asked, service, output).await,
        ShareCommand::Manage(asked) => manage::manage(asked, service, output).await,
        ShareCommand::Unmanage { share } => manage::unmanage(&share, service, output).await,
        ShareCommand::List => list(service, output).await,
        ShareCommand::Show { share } => {
            let (share, unreadable) = service.all::<WholeShare>().await.one(&share)?;
            let view = View::new(&share);
            answers::one(&view, &unreadable, output, || view.text())
        }
        ShareCommand::Delete { share } => delete(&share, service, output).await,
        ShareCommand::Extend(asked) => resize(&asked, Direction::Larger, service, output).await,
        ShareCommand::Shrink(asked) => resize(&asked, Direction::Smaller, service, output).await,
    }
}

async fn list(service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = service.all::<WholeShare>().await;
    let views: Vec<_> = all.iter().map(View::new).collect();
    answers::list::<WholeShare, _>(&views, unreadable, output, || {
        let headers = ["name", "id", "backend", "status", "size", "export location"];
        let notes = notes(views.iter().map(|view| (&view.id, &view.message)));
        table(headers, views.iter().map(View::row)) + &notes
    })
}

/// Shows what is recorded after a call.
///
/// # Errors
/// When its record is gone, or standard output does not take it.
pub fn show(share: &Placed<'_, WholeShare>, output: Output) -> Result<()> {
    let view = View::new(share);
    output.answer(&view, || view.text())
}

async fn delete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record: whole } = service.one::<WholeShare>(wanted, output).await?;
    check_idle(&whole)?;
    check_ours(&whole)?;
    check_alone(&whole)?;
    let records = service.records(entry).await?;
    check_no_snapshots(&whole, &records).await?;
    check_not_in_cgsnapshot(&whole, &records).await?;
    let share = whole.share();
    let rules = records.access_rules(&share.id).await?;
    let server = carrying(&records, share).await?;
    let backend = service.ready(entry, output).await?;
    let what = format!("removing the share {}", share.share_id);
    let work = async {
        // As upstream's manager: first nobody is let in any more, then the data go.
        if !rules.is_empty() {
            match backend.update_access(share, &[], &[], &rules, server.as_ref()).await {
                Ok(()) | Err(Error::Driver(DriverError::ShareResourceNotFound(_))) => {}
                Err(error) => return Err(error),
            }
        }
        backend.delete_share(share, server.as_ref()).await
    };
    output.wait(&what, Box::pin(work)).await?;
    answers::gone("deleted", &whole, output)
}

#[derive(Clone, Copy)]
enum Direction {
    Larger,
    Smaller,
}

async fn resize(
    asked: &Resize,
    direction: Direction,
    service: &Service,
    output: Output,
) -> Result<()> {
    let Placed { entry, record: whole } = service.one::<WholeShare>(&asked.share, output).await?;
    check_served(&whole)?;
    // The driver resizes one instance; replicas of two sizes would be none.
    check_alone(&whole)?;
    let share = whole.share();
    let server = carrying(&service.records(entry).await?, share).await?;
    let backend = service.ready(entry, output).await?;
    let what = format!("giving the share {} GiB", asked.size);
    let work = async {
        match direction {
            Direction::Larger => backend.extend_share(share, asked.size, server.as_ref()).await,
            Direction::Smaller => backend.shrink_share(share, asked.size, server.as_ref()).await,
        }
    };
    output.wait(&what, Box::pin(work)).await?;
    show(&again(entry, backend.records(), &share.share_id).await?, output)
}
