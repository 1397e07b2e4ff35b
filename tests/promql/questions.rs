//! Questions: given ones, and random ones that mostly have an answer.

use crate::samples::Series;

/// A request, as a person would make it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) path: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) posted: bool,
}

impl Question {
    pub(crate) fn new(path: impl Into<String>, parameters: &[(&str, &str)]) -> Self {
        let parameters =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Question { path: path.into(), parameters, posted: false }
    }

    pub(crate) fn instant(expression: &str, time: u64) -> Self {
        Question::new("/api/v1/query", &[("query", expression), ("time", &time.to_string())])
    }

    pub(crate) fn range(expression: &str, start: u64, span_seconds: u64, step_seconds: u64) -> Self {
        let (start, end, step) =
            (start.to_string(), (start + span_seconds).to_string(), step_seconds.to_string());
        let mut question = Question::new(
            "/api/v1/query_range",
            &[("query", expression), ("start", &start), ("end", &end), ("step", &step)],
        );
        // As dashboards do it.
        question.posted = true;
        question
    }

    pub(crate) fn expression(&self) -> &str {
        self.parameters.iter().find(|(name, _)| name == "query").map_or("", |(_, value)| value)
    }

    pub(crate) fn request(&self, client: &reqwest::Client, base: &str) -> reqwest::RequestBuilder {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        let url = format!("{base}{}", self.path);
        if self.posted {
            client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form)
        } else {
            client.get(if form.is_empty() { url } else { format!("{url}?{form}") })
        }
    }
}

/// A xorshift generator of expressions over the series at hand.
pub(crate) struct Random<'a> {
    state: u64,
    series: &'a [Series],
}

impl<'a> Random<'a> {
    pub(crate) fn new(seed: u64, series: &'a [Series]) -> Self {
        Random { state: seed | 1, series }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from((self.state >> 11) % bound.max(1) as u64).unwrap()
    }

    fn one_of<'b>(&mut self, words: &[&'b str]) -> &'b str {
        words[self.below(words.len())]
    }

    pub(crate) fn question(&mut self, base: u64) -> Question {
        let expression = self.expression(3);
        if self.below(3) == 0 {
            Question::range(&expression, base + 300, 2400, 120)
        } else {
            Question::instant(&expression, base + 600 + 60 * self.below(40) as u64)
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.instant_selector();
        }
        match self.below(12) {
            0 => self.instant_selector(),
            1 => format!(
                "{}({}[{}])",
                self.one_of(&[
                    "rate",
                    "increase",
                    "delta",
                    "changes",
                    "avg_over_time",
                    "max_over_time",
                    "count_over_time",
                    "last_over_time",
                    "present_over_time",
                    "absent_over_time",
                    "resets",
                    "stddev_over_time"
                ]),
                self.selector(),
                self.one_of(&["5m", "15m", "1h"])
            ),
            2 | 3 => {
                let modifier = format!("{} ({})", self.one_of(&["by", "without"]), self.labels());
                let operator = self.one_of(&["sum", "avg", "min", "max", "count", "group", "stddev"]);
                format!("{operator} {modifier} ({})", self.expression(depth - 1))
            }
            // What chooses among equals stands outermost: of a choice nothing can be derived that is equal.
            4 if depth == 3 => {
                format!(
                    "{}({}, {})",
                    self.one_of(&["topk", "bottomk"]),
                    1 + self.below(4),
                    self.expression(depth - 1)
                )
            }
            5 => {
                let operator = self.one_of(&["+", "-", "*", "/", ">", "== bool", "!=", "^"]);
                let matching =
                    self.one_of(&["", "ignoring(team)", "on(instance, job)", "on(job) group_left"]);
                format!(
                    "({}) {operator} {matching} ({})",
                    self.expression(depth - 1),
                    self.expression(depth - 1)
                )
            }
            6 => format!(
                "{} {} {}",
                self.expression(depth - 1),
                self.one_of(&["and", "or", "unless", "or on(job)", "and ignoring(team)"]),
                self.expression(depth - 1)
            ),
            7 => format!(
                "absent({})",
                if self.below(2) == 0 { self.selector() } else { self.expression(depth - 1) }
            ),
            8 => format!(
                "{}({})",
                self.one_of(&["abs", "sort", "sort_desc", "scalar", "timestamp", "-", "ceil", "sgn"]),
                self.expression(depth - 1)
            ),
            9 => format!(
                "{}(({})[{}])",
                self.one_of(&["max_over_time", "count_over_time", "last_over_time"]),
                self.expression(depth - 1),
                self.one_of(&["10m:1m", "30m:5m", "20m:"])
            ),
            10 => format!(
                "label_replace({}, \"{}\", \"$1\", \"team\", \"(.*)\")",
                self.expression(depth - 1),
                self.one_of(&["owner", "team", "job"])
            ),
            _ => format!("count_values(\"v\", {})", self.expression(depth - 1)),
        }
    }

    fn instant_selector(&mut self) -> String {
        let selector = self.selector();
        let modifier =
            self.one_of(&["", "", "", " offset 5m", " offset -5m", " @ end()", " @ start() offset 1m"]);
        format!("{selector}{modifier}")
    }

    fn labels(&mut self) -> String {
        self.one_of(&["", "team", "job", "instance", "job, team", "le", "group, instance"]).to_owned()
    }

    fn selector(&mut self) -> String {
        let series = &self.series[self.below(self.series.len())];
        let name = series.labels.get("__name__").cloned().unwrap_or_default();
        let mut matchers = Vec::new();
        for _ in 0..self.below(3) {
            let at = self.below(series.labels.len());
            if let Some((label, value)) =
                series.labels.iter().nth(at).filter(|(label, _)| *label != "__name__")
            {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                matchers.push(format!("{label}{}\"{value}\"", self.one_of(&["=", "=", "!=", "=~", "!~"])));
            }
        }
        if self.below(4) == 0 {
            matchers.push(
                self.one_of(&[
                    "team=\"walks\"",
                    "team=\"payments\"",
                    "team!=\"payments\"",
                    "team=\"\"",
                    "team!=\"\"",
                    "team=~\".*\"",
                    "team=~\"walks|payments\"",
                    "team!~\"p.*\"",
                    "team=~\".+\"",
                    "owner=\"\"",
                ])
                .to_owned(),
            );
        }
        match self.below(8) {
            0 => {
                matchers.insert(self.below(matchers.len() + 1), format!("__name__=\"{name}\""));
                format!("{{{}}}", matchers.join(","))
            }
            1 => {
                let start: String = name.chars().take(4).collect();
                matchers.push(format!("__name__=~\"{start}.*\""));
                format!("{{{}}}", matchers.join(", "))
            }
            _ if matchers.is_empty() => name,
            _ => format!("{name}{{{}}}", matchers.join(",")),
        }
    }
}
