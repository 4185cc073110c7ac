//! Images from this machine to the registry that AWS takes them from.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};

use super::{Options, System};
use crate::{
    cloudformation::Values,
    images::{self, Names, Part},
};

/// What was delivered, each by its digest.
pub(crate) struct Delivered {
    pub(crate) tag: String,
    images: BTreeMap<&'static str, String>,
}

impl Delivered {
    pub(crate) fn image(&self, part: Part) -> Result<&str> {
        self.images.get(part.name()).map(String::as_str).with_context(|| format!("{part} was not delivered"))
    }
}

/// Where images go: `IMAGE_PREFIX`, else the system's own repositories, which are made if they are not there.
pub(crate) fn prefix(system: &System) -> Result<String> {
    if let Some(prefix) = Names::prefix() {
        return Ok(prefix);
    }
    repositories(system)?
        .remove("ImagePrefix")
        .context("the stack of the repositories does not say where they are")
}

/// Where copies of the base images go: what `BASE_REGISTRY` is for builds from them.
pub(crate) fn mirrors(system: &System) -> Result<String> {
    repositories(system)?
        .remove("BaseRegistry")
        .context("the stack of the repositories does not say where they are")
}

fn repositories(system: &System) -> Result<Values> {
    let mut known = Values::new();
    let given = [("System".to_owned(), system.name.clone())].into();
    system.bring_about(&system.stack("ecr.yaml"), &given, &mut known)?;
    Ok(known)
}

/// Builds and pushes, unless the images are there already.
pub(crate) fn deliver(system: &System, options: &Options, parts: &[Part]) -> Result<Delivered> {
    let names = match options.compiled {
        Some(compiled) => {
            let names = Names { prefix: prefix(system)?, tag: Names::tag().unwrap_or_else(new_tag) };
            images::build(parts, &names, compiled)?;
            images::push(parts, &names)?;
            names
        }
        None => {
            let (Some(prefix), Some(tag)) = (Names::prefix(), Names::tag()) else {
                bail!("--pushed needs to know what was pushed: set IMAGE_PREFIX and IMAGE_TAG")
            };
            let names = Names { prefix, tag };
            images::login(&names.prefix)?;
            names
        }
    };
    let pushed = parts.iter().map(|part| Ok((part.name(), images::pushed(*part, &names)?)));
    Ok(Delivered { images: pushed.collect::<Result<_>>()?, tag: names.tag })
}

/// The commit; with the time, if it is not exactly that one.
fn new_tag() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    match images::revision() {
        Some(revision) if revision.len() == 40 => revision[..12].to_owned(),
        Some(revision) => format!("{}-{seconds}", revision.chars().take(12).collect::<String>()),
        None => seconds.to_string(),
    }
}
