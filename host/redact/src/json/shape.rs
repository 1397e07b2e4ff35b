//! Where in a document the walk stands, as far as it matters: is this the place of a Prometheus sample value?
//!
//! The places, in the formats of the Prometheus HTTP API ("Expression query result formats"):
//! - the second element of an array whose first one is a number, if that array is the value of `value` or `result`
//!   (instant vectors, scalars) or an element of the array under `values` (range vectors);
//! - anything inside the object that is such a second element under `histogram` or `histograms`.

use super::number::is_number;

/// Levels of arrays and objects that are followed.
pub(super) const MAX_DEPTH: usize = 256;

/// What a container is to the samples of Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Plain,
    /// `[unix_time, "number"]`
    Point,
    /// An array of points.
    Points,
    /// `[unix_time, {…}]`
    HistogramPoint,
    /// An array of histogram points.
    HistogramPoints,
    /// Inside of a histogram.
    Histogram,
}

#[derive(Debug)]
struct Level {
    object: bool,
    role: Role,
    /// What the member under way is, if it is a container.
    member: Role,
    /// Which element is under way; saturates, for only the first two matter.
    index: u8,
    first_is_number: bool,
}

/// The containers that are open.
#[derive(Debug, Default)]
pub(super) struct Shape {
    levels: Vec<Level>,
}

impl Shape {
    pub(super) fn is_top(&self) -> bool {
        self.levels.is_empty()
    }

    pub(super) fn in_object(&self) -> bool {
        self.levels.last().is_some_and(|level| level.object)
    }

    /// Enters a container; `false` if that is too deep.
    #[must_use]
    pub(super) fn open(&mut self, object: bool) -> bool {
        if self.levels.len() == MAX_DEPTH {
            return false;
        }
        let role = self.levels.last().map_or(Role::Plain, |parent| parent.role_of_child(object));
        self.levels.push(Level { object, role, member: Role::Plain, index: 0, first_is_number: false });
        true
    }

    pub(super) fn close(&mut self) {
        self.levels.pop();
    }

    /// A comma: goes to the next member, and tells whether it needs a name.
    pub(super) fn next_member(&mut self) -> bool {
        self.levels.last_mut().is_some_and(|level| {
            level.index = level.index.saturating_add(1);
            level.member = Role::Plain;
            level.object
        })
    }

    /// The name of the member under way.
    pub(super) fn name(&mut self, name: &[u8]) {
        if let Some(level) = self.levels.last_mut() {
            level.member = match name {
                b"value" | b"result" => Role::Point,
                b"values" => Role::Points,
                b"histogram" => Role::HistogramPoint,
                b"histograms" => Role::HistogramPoints,
                _ => Role::Plain,
            };
        }
    }

    /// The member under way is a number.
    pub(super) fn number(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.first_is_number |= level.index == 0;
        }
    }

    /// Whether a string that stands here can be a sample value.
    pub(super) fn is_sample_place(&self) -> bool {
        self.levels.last().is_some_and(|level| match level.role {
            Role::Point => level.is_second_of_pair(),
            Role::Histogram => true,
            _ => false,
        })
    }
}

impl Level {
    fn role_of_child(&self, object: bool) -> Role {
        match (self.role, object) {
            (Role::Histogram, _) => Role::Histogram,
            (Role::HistogramPoint, true) if self.is_second_of_pair() => Role::Histogram,
            (Role::Points, false) => Role::Point,
            (Role::HistogramPoints, false) => Role::HistogramPoint,
            _ if self.object && !object => self.member,
            _ => Role::Plain,
        }
    }

    fn is_second_of_pair(&self) -> bool {
        self.index == 1 && self.first_is_number
    }
}

/// Whether `text` is a sample value as Prometheus writes it: a decimal number, `NaN`, `+Inf` or `-Inf`. A `+` before
/// digits is none of it, but a phone number may begin so.
pub(super) fn is_sample_value(text: &[u8]) -> bool {
    is_number(text) || matches!(text, b"NaN" | b"Inf" | b"+Inf" | b"-Inf")
}
