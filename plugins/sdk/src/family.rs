//! Families of metrics, built sample by sample.

use crate::bindings::exports::bartizan::plugin::metrics as wit;

/// A metric family: one name, one kind, its samples.
#[derive(Debug)]
pub struct Family(wit::Family);

/// The buckets of a histogram sample: upper bounds in rising order, each with the count of all observations that
/// were at most as large.
pub type Buckets<'a> = &'a [(f64, u64)];

/// The quantiles of a summary sample, in rising order.
pub type Quantiles<'a> = &'a [(f64, f64)];

impl Family {
    /// A value that goes up and down.
    pub fn gauge(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(wit::Kind::Gauge, name.into(), help.into())
    }

    /// A value that only goes up. The name may end in `_total`, and need not.
    pub fn counter(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(wit::Kind::Counter, name.into(), help.into())
    }

    /// A value of which nothing is known.
    pub fn unknown(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(wit::Kind::Unknown, name.into(), help.into())
    }

    /// Facts as labels.
    pub fn info(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(wit::Kind::Info, name.into(), help.into())
    }

    /// Observations in buckets: add samples with [`Family::add_histogram`].
    pub fn histogram(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(wit::Kind::Histogram, name.into(), help.into())
    }

    /// Observations with quantiles: add samples with [`Family::add_summary`].
    pub fn summary(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(wit::Kind::Summary, name.into(), help.into())
    }

    fn new(kind: wit::Kind, name: String, help: String) -> Self {
        Self(wit::Family { name, help, unit: None, kind, samples: Vec::new() })
    }

    /// Names the base unit (`seconds`, `bytes`), in which the family's name must end.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.0.unit = Some(unit.into());
        self
    }

    /// [`Family::add`], for building in one expression.
    #[must_use]
    pub fn with<'a>(mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>, value: f64) -> Self {
        self.add(labels, value);
        self
    }

    /// Adds a sample of a gauge, a counter, an info (1) or an unknown.
    pub fn add<'a>(&mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>, value: f64) {
        self.push(labels, wit::Value::Number(value));
    }

    /// Adds a sample of a histogram: `count` and `sum` are those of all observations.
    pub fn add_histogram<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        buckets: Buckets<'_>,
        count: u64,
        sum: f64,
    ) {
        let buckets = buckets
            .iter()
            .map(|&(upper_bound, cumulative_count)| wit::Bucket { upper_bound, cumulative_count })
            .collect();
        self.push(labels, wit::Value::Histogram(wit::Histogram { buckets, count, sum }));
    }

    /// Adds a sample of a summary: `count` and `sum` are those of all observations.
    pub fn add_summary<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        quantiles: Quantiles<'_>,
        count: u64,
        sum: f64,
    ) {
        let quantiles =
            quantiles.iter().map(|&(quantile, value)| wit::Quantile { quantile, value }).collect();
        self.push(labels, wit::Value::Summary(wit::Summary { quantiles, count, sum }));
    }

    /// Gives the sample that was added last the moment at which it was measured, in milliseconds since 1970.
    /// Leave it out where the value is that of now.
    pub fn measured_at(&mut self, timestamp_milliseconds: i64) {
        if let Some(sample) = self.0.samples.last_mut() {
            sample.timestamp_milliseconds = Some(timestamp_milliseconds);
        }
    }

    /// How many samples it has.
    pub fn len(&self) -> usize {
        self.0.samples.len()
    }

    /// Whether it has no samples.
    pub fn is_empty(&self) -> bool {
        self.0.samples.is_empty()
    }

    fn push<'a>(&mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>, value: wit::Value) {
        let labels = labels
            .into_iter()
            .map(|(name, value)| wit::Label { name: name.to_owned(), value: value.to_owned() })
            .collect();
        self.0.samples.push(wit::Sample { labels, value, timestamp_milliseconds: None });
    }

    pub(crate) fn into_wit(self) -> wit::Family {
        self.0
    }
}
