//! `sealwatch reindex`: makes the search index again.

use super::data_dir::{DataDir, Reached, progress_bar};
use crate::app;
use crate::keys::Keyring;
use crate::model::Seq;
use crate::readers;
use crate::search::INDEX_DIR;
use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Makes the search index again from the log.
///
/// A running appliance does it in the background, and finds nothing until it is done. A stopped one gets its
/// new index here, with a progress bar.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data_dir: DataDir,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = args.data_dir.config()?;
    let store = match args.data_dir.reach()? {
        Reached::Running(client) => {
            client.request(reqwest::Method::POST, "/search/reindex", None::<&()>)?;
            writeln!(
                stderr(),
                "The appliance makes its search index again; it finds nothing until it is done."
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        Reached::Stopped(store) => Arc::new(*store),
    };
    let ring = Keyring::new(store.keys()?, config.integrity.signing_secret.as_ref());
    let indexer = app::indexer(&config, &store);
    let bar = progress_bar(store.size().0);
    let names = Arc::new(move |source| ring.name(source));
    let show = |position: Seq| bar.set_position(position.0);
    let made = readers::rebuild(store.clone(), indexer, names, app::received_now(), show);
    bar.finish_and_clear();
    made?;
    let dir = config.data_dir.join(INDEX_DIR);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&dir)?.filter_map(|file| Some(file.ok()?.path())).collect();
    files.push(dir);
    app::give_to_owner_of(&config.data_dir, &files);
    writeln!(stderr(), "The search index holds {} entries of the log.", store.size())?;
    Ok(ExitCode::SUCCESS)
}
