//! One plugin's validated collection, written out in both formats.

use std::collections::HashSet;

use super::validate::{self, Fault};
use super::write::Writer;
use crate::PluginError;
use crate::contract::metrics::{self, Kind};

/// All families of one collection. It exists only when everything in it is valid.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    pub(crate) families: Vec<Family>,
    pub(crate) series: usize,
}

/// A family with its samples as lines of text.
#[derive(Debug)]
pub(crate) struct Family {
    /// Without `_total` or `_info`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) unit: String,
    pub(crate) help: String,
    /// Sample lines of the Prometheus text format.
    pub(crate) text: String,
    /// Sample lines of OpenMetrics.
    pub(crate) openmetrics: String,
}

impl Family {
    /// The names of the family and of all series that it makes: two families must not share one.
    pub(crate) fn claims(&self) -> impl Iterator<Item = String> + '_ {
        let suffixes = validate::suffixes(self.kind).iter().filter(|suffix| !suffix.is_empty());
        std::iter::once(self.name.clone()).chain(suffixes.map(|suffix| format!("{}{suffix}", self.name)))
    }

    /// Whether two plugins' samples can stand under one header.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.unit == other.unit
    }
}

impl Collection {
    /// Validates what a plugin collected, and writes it out with the label `plugin`. One fault refuses it all.
    pub(crate) fn new(
        plugin: &str,
        families: Vec<metrics::Family>,
        limit_series: usize,
    ) -> Result<Self, PluginError> {
        let mut collection = Self { families: Vec::with_capacity(families.len()), series: 0 };
        let mut claimed = HashSet::new();
        for family in families {
            let invalid = |fault| PluginError::Invalid { family: crate::error::excerpt(&family.name), fault };
            collection.series += validate::family(&family).map_err(invalid)?;
            if collection.series > limit_series {
                return Err(invalid(Fault::Series { limit: limit_series }));
            }
            let written = written(plugin, &family);
            for claim in written.claims() {
                if !claimed.insert(claim) {
                    return Err(invalid(Fault::SameName));
                }
            }
            collection.families.push(written);
        }
        Ok(collection)
    }

    /// The first family that cannot stand next to the other plugin's.
    pub(crate) fn clash(&self, other: &Self) -> Option<&Family> {
        let claims: HashSet<String> = other.families.iter().flat_map(Family::claims).collect();
        self.families.iter().find(|family| {
            !other.families.iter().any(|theirs| family.is_like(theirs))
                && family.claims().any(|claim| claims.contains(&claim))
        })
    }
}

fn written(plugin: &str, family: &metrics::Family) -> Family {
    let name = validate::base_name(&family.name, family.kind).to_owned();
    let mut writer = Writer::new(&name, plugin);
    family.samples.iter().for_each(|sample| writer.sample(family.kind, sample));
    let (text, openmetrics) = writer.finish();
    Family {
        name,
        kind: family.kind,
        unit: family.unit.clone().unwrap_or_default(),
        help: family.help.clone(),
        text,
        openmetrics,
    }
}
