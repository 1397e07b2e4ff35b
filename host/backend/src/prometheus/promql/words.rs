//! The words of PromQL that are no metric, or not everywhere.

/// What a word can be besides a metric. Case does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    /// `inf`, `nan`
    Number,
    /// `and`, `or`, `unless`
    Set,
    Atan2,
    /// `sum`, `topk` …
    Aggregation,
    /// `by`, `without`
    Grouping,
    /// `on`, `ignoring`
    Matching,
    /// `group_left`, `group_right`
    Side,
    Bool,
    /// `fill`, `fill_left`, `fill_right`
    Fill,
    Offset,
    /// `smoothed`, `anchored`
    Extended,
    /// `start`, `end`
    Boundary,
    /// `step`, `range`, `max_of`, `min_of`
    Duration,
}

impl Keyword {
    /// The longest keyword has twelve letters.
    const LONGEST: usize = 12;

    pub(super) fn of(word: &str) -> Option<Self> {
        let mut lower = [0u8; Self::LONGEST];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"inf" | b"nan" => Keyword::Number,
            b"and" | b"or" | b"unless" => Keyword::Set,
            b"atan2" => Keyword::Atan2,
            b"sum" | b"avg" | b"count" | b"min" | b"max" | b"group" | b"stddev" | b"stdvar" | b"topk"
            | b"bottomk" | b"count_values" | b"quantile" | b"limitk" | b"limit_ratio" => Keyword::Aggregation,
            b"by" | b"without" => Keyword::Grouping,
            b"on" | b"ignoring" => Keyword::Matching,
            b"group_left" | b"group_right" => Keyword::Side,
            b"bool" => Keyword::Bool,
            b"fill" | b"fill_left" | b"fill_right" => Keyword::Fill,
            b"offset" => Keyword::Offset,
            b"smoothed" | b"anchored" => Keyword::Extended,
            b"start" | b"end" => Keyword::Boundary,
            b"step" | b"range" | b"max_of" | b"min_of" => Keyword::Duration,
            _ => return None,
        })
    }

    /// Whether a metric of this name can be written without quotes.
    pub(super) fn can_be_metric(self) -> bool {
        !matches!(self, Keyword::Number | Keyword::Atan2 | Keyword::Matching | Keyword::Side | Keyword::Bool)
    }
}

/// Whether a function of this name reads nothing but its arguments, in every version that has it.
///
/// `info` is not among them: it looks up series that its arguments do not name.
pub(super) fn is_function(word: &str) -> bool {
    FUNCTIONS.binary_search(&word).is_ok()
}

/// Whether a function can make a label from parts of others. Names of functions know one case.
pub(super) fn takes_labels_apart(word: &str) -> bool {
    matches!(word, "label_replace" | "label_join")
}

/// All functions of Prometheus 2.42 to 3.15 but `info`, in alphabetical order.
const FUNCTIONS: &[&str] = &[
    "abs",
    "absent",
    "absent_over_time",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "avg_over_time",
    "ceil",
    "changes",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "count_over_time",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "delta",
    "deriv",
    "double_exponential_smoothing",
    "end",
    "exp",
    "first_over_time",
    "floor",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantile",
    "histogram_quantiles",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "holt_winters",
    "hour",
    "idelta",
    "increase",
    "irate",
    "label_join",
    "label_replace",
    "last_over_time",
    "ln",
    "log10",
    "log2",
    "mad_over_time",
    "max_of",
    "max_over_time",
    "min_of",
    "min_over_time",
    "minute",
    "month",
    "pi",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rad",
    "range",
    "rate",
    "resets",
    "round",
    "scalar",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_by_label",
    "sort_by_label_desc",
    "sort_desc",
    "sqrt",
    "start",
    "start_timestamp",
    "stddev_over_time",
    "stdvar_over_time",
    "step",
    "sum_over_time",
    "tan",
    "tanh",
    "time",
    "timestamp",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "vector",
    "year",
];

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn functions_are_in_order() {
        assert!(FUNCTIONS.is_sorted());
    }
}
