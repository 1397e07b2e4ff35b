//! Narrowing PromQL: the policy's matchers are put into every vector selector of a query.
//!
//! Prometheus itself knows no restriction, so the query has to carry it. [`narrow`] walks the tokens
//! of the *original* text with an operand/operator state and a stack of open parentheses, and inserts
//! the matchers behind `{` (or behind a bare metric name). Everything else stays as it was written.
//!
//! **Promise.** If a Prometheus from 2.42 to 3.x accepts the text that comes out, then every vector selector
//! that it sees in it begins with the injected matchers. No recursion, one pass, bounded by [`Limits`].
//!
//! **Refused.** Whatever is not certain: words that are neither operator, function nor metric where they
//! stand, functions that are not known (a new one might read other series, as `info()` does), and a
//! selector that Prometheus would refuse without the injected matchers, such as `{}` or `{x=~".*"}`.
//! What is let through need not be valid; then Prometheus refuses it.
//!
//! **Values taken apart.** `label_replace` and `label_join` can cut a label's value so that nobody recognises it in the
//! answer any more. Whoever redacts answers has to refuse queries with them: [`Narrowed::takes_values_apart`] and
//! [`takes_values_apart`] tell. All other functions pass labels on whole, or drop them.
//!
//! **`absent`.** Its answer's labels are made from the `=` matchers of its argument
//! (`createLabelsForAbsentFunction` in promql/functions.go): the first one of a label sets it, any other
//! matcher on that label *behind* it removes it again. The injected ones stand first and are regular expressions, so they
//! leave no trace, and `absent(up{team="walks"})` answers as a store without walks would.

mod braces;
mod cursor;
mod injection;
mod words;

pub use injection::{Injection, NotOneSelector};

use cursor::Cursor;
use words::{Keyword, is_function, takes_labels_apart};

/// Bounds on what is scanned. A query beyond them is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The query's length, in bytes.
    pub query_bytes: usize,
    /// The narrowed query's length, in bytes.
    pub narrowed_bytes: usize,
    /// Open parentheses at one time.
    pub depth: usize,
}

impl Default for Limits {
    /// The longest queries of published dashboards have some 10 KB; nobody nests twenty deep.
    fn default() -> Self {
        Limits { query_bytes: 128 * 1024, narrowed_bytes: 1024 * 1024, depth: 200 }
    }
}

/// A query whose every selector carries the injected matchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The text to send.
    pub query: String,
    /// How many selectors it has.
    pub selectors: usize,
    /// Whether it calls a function that can make labels from parts of others.
    pub takes_values_apart: bool,
}

/// Why a query is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the query is not understood at character {character}: {reason}")]
pub struct NotUnderstood {
    /// Where, counted from 1.
    pub character: usize,
    /// A sentence for the client.
    pub reason: String,
}

/// Whether a selector may stand that matches everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emptiness {
    /// Some matcher must refuse the empty value, as in a query, `series`, `labels` and label values.
    Refused,
    /// Matchers may match the empty value, as in `/federate`; but there has to be one.
    Allowed,
}

/// Narrows a PromQL expression.
pub fn narrow(query: &str, injection: &Injection, limits: &Limits) -> Result<Narrowed, NotUnderstood> {
    let mut splicer = Splicer::new(query, injection, limits, Emptiness::Refused)?;
    splicer.expression()?;
    splicer.finish()
}

/// Whether an expression that nobody narrows calls a function that can make labels from parts of others.
///
/// What [`narrow`] would refuse is refused here too: a function that is not known may do the same.
pub fn takes_values_apart(query: &str, limits: &Limits) -> Result<bool, NotUnderstood> {
    narrow(query, &Injection::of_nothing(), limits).map(|narrowed| narrowed.takes_values_apart)
}

/// Narrows a single selector, as `match[]` has them.
pub fn narrow_selector(
    selector: &str,
    injection: &Injection,
    limits: &Limits,
    emptiness: Emptiness,
) -> Result<Narrowed, NotUnderstood> {
    let mut splicer = Splicer::new(selector, injection, limits, emptiness)?;
    splicer.lone_selector()?;
    splicer.finish()
}

/// What an open parenthesis belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Group,
    Call,
    Aggregation,
}

/// What has to come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Operand,
    /// Behind the parenthesis of a call: an argument, or its end.
    ArgumentOrClose,
    Operator,
    /// Behind an aggregation: an operator, or `by`/`without`.
    OperatorOrGrouping,
    Nothing,
}

struct Splicer<'q> {
    cursor: Cursor<'q>,
    injection: &'q Injection,
    limits: &'q Limits,
    emptiness: Emptiness,
    open: Vec<Open>,
    out: String,
    /// How much of the query stands in `out`.
    copied: usize,
    selectors: usize,
    takes_values_apart: bool,
}

impl<'q> Splicer<'q> {
    fn new(
        query: &'q str,
        injection: &'q Injection,
        limits: &'q Limits,
        emptiness: Emptiness,
    ) -> Result<Self, NotUnderstood> {
        let cursor = Cursor::new(query);
        if query.len() > limits.query_bytes {
            return Err(cursor.error(format!("it is longer than {} bytes", limits.query_bytes)));
        }
        if memchr::memchr(0, query.as_bytes()).is_some() {
            return Err(cursor.error("it holds a NUL character"));
        }
        let out = String::with_capacity(query.len() + 4 * injection.longest() + 16);
        Ok(Splicer {
            cursor,
            injection,
            limits,
            emptiness,
            open: Vec::new(),
            out,
            copied: 0,
            selectors: 0,
            takes_values_apart: false,
        })
    }

    fn finish(mut self) -> Result<Narrowed, NotUnderstood> {
        self.out.push_str(self.cursor.slice(self.copied, self.cursor.end()));
        Ok(Narrowed {
            query: self.out,
            selectors: self.selectors,
            takes_values_apart: self.takes_values_apart,
        })
    }

    fn expression(&mut self) -> Result<(), NotUnderstood> {
        let mut expected = Expected::Operand;
        while expected != Expected::Nothing {
            self.cursor.skip_blanks();
            expected = match expected {
                Expected::ArgumentOrClose if self.cursor.take(b')') => self.close()?,
                Expected::Operand | Expected::ArgumentOrClose => self.operand()?,
                Expected::OperatorOrGrouping => self.grouping_behind()?,
                Expected::Operator | Expected::Nothing => self.operator()?,
            };
        }
        Ok(())
    }

    fn lone_selector(&mut self) -> Result<(), NotUnderstood> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            Some(b'{') => self.braces(None)?,
            Some(byte) if cursor::begins_word(byte) => {
                let word = self.cursor.word();
                match Keyword::of(word) {
                    Some(keyword) if !keyword.can_be_metric() => {
                        return Err(self.cursor.error(format!("`{word}` cannot be a metric here")));
                    }
                    _ => self.metric(word)?,
                }
            }
            _ => return Err(self.cursor.error("a selector was expected")),
        }
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            None => Ok(()),
            Some(_) => Err(self.cursor.error("nothing may follow the selector")),
        }
    }

    fn operand(&mut self) -> Result<Expected, NotUnderstood> {
        match self.cursor.peek() {
            Some(b'(') => {
                self.cursor.advance();
                self.open(Open::Group)
            }
            Some(b'+' | b'-') => {
                self.cursor.advance();
                Ok(Expected::Operand)
            }
            Some(b'0'..=b'9' | b'.') => self.cursor.number().map(|()| Expected::Operator),
            Some(b'"' | b'\'' | b'`') => self.cursor.string().map(|_| Expected::Operator),
            Some(b'{') => self.braces(None).map(|()| Expected::Operator),
            Some(byte) if cursor::begins_word(byte) => self.word_as_operand(),
            Some(_) => Err(self.cursor.error("a metric, a function, a number or `(` was expected")),
            None => Err(self.cursor.error("an expression was expected, but the query ends")),
        }
    }

    fn word_as_operand(&mut self) -> Result<Expected, NotUnderstood> {
        let before = self.cursor;
        let word = self.cursor.word();
        let mut behind = self.cursor;
        behind.skip_blanks();
        let call = behind.peek() == Some(b'(');
        match Keyword::of(word) {
            Some(Keyword::Number) => Ok(Expected::Operator),
            Some(Keyword::Aggregation) if call => {
                self.cursor = behind;
                self.cursor.advance();
                self.open(Open::Aggregation)
            }
            Some(Keyword::Aggregation) if matches!(behind.keyword(), Some(Keyword::Grouping)) => {
                self.cursor = behind;
                self.cursor.word();
                self.labels()?;
                self.cursor.skip_blanks();
                self.cursor.expect(b'(', "`(` was expected behind the labels of the aggregation")?;
                self.open(Open::Aggregation)
            }
            None | Some(Keyword::Boundary | Keyword::Duration) if call => {
                if !is_function(word) {
                    return Err(before.error(format!("`{word}` is not a function that can be narrowed")));
                }
                self.takes_values_apart |= takes_labels_apart(word);
                self.cursor = behind;
                self.cursor.advance();
                self.open(Open::Call)?;
                Ok(Expected::ArgumentOrClose)
            }
            Some(keyword) if call || !keyword.can_be_metric() => {
                Err(before.error(format!("`{word}` cannot stand here")))
            }
            _ => self.metric(word).map(|()| Expected::Operator),
        }
    }

    fn operator(&mut self) -> Result<Expected, NotUnderstood> {
        let Some(byte) = self.cursor.peek() else {
            return match self.open.is_empty() {
                true => Ok(Expected::Nothing),
                false => Err(self.cursor.error("`)` was expected, but the query ends")),
            };
        };
        if cursor::begins_word(byte) {
            return self.word_as_operator();
        }
        match byte {
            b')' => {
                self.cursor.advance();
                return self.close();
            }
            b',' if matches!(self.open.last(), Some(Open::Call | Open::Aggregation)) => {
                self.cursor.advance();
                return Ok(Expected::Operand);
            }
            b'[' => return self.cursor.range().map(|()| Expected::Operator),
            b'@' => return self.cursor.timestamp().map(|()| Expected::Operator),
            _ => {}
        }
        if !self.cursor.take_operator() {
            return Err(self.cursor.error("an operator was expected"));
        }
        self.matching()
    }

    fn word_as_operator(&mut self) -> Result<Expected, NotUnderstood> {
        let before = self.cursor;
        match Keyword::of(self.cursor.word()) {
            Some(Keyword::Set | Keyword::Atan2) => self.matching(),
            Some(Keyword::Offset) => self.cursor.offset().map(|()| Expected::Operator),
            Some(Keyword::Extended) => Ok(Expected::Operator),
            _ => Err(before.error("an operator was expected")),
        }
    }

    /// What can stand between a binary operator and its right side: `bool`, `on`, `ignoring`, `group_left`,
    /// `group_right`, `fill`, `fill_left`, `fill_right`.
    fn matching(&mut self) -> Result<Expected, NotUnderstood> {
        self.cursor.take_keyword(Keyword::Bool);
        if self.cursor.take_keyword(Keyword::Matching) {
            self.labels()?;
            if self.cursor.take_keyword(Keyword::Side) {
                self.cursor.skip_blanks();
                if self.cursor.peek() == Some(b'(') {
                    self.labels()?;
                }
            }
        }
        while self.cursor.take_fill()? {}
        Ok(Expected::Operand)
    }

    fn grouping_behind(&mut self) -> Result<Expected, NotUnderstood> {
        if self.cursor.take_keyword(Keyword::Grouping) {
            self.labels()?;
        }
        Ok(Expected::Operator)
    }

    /// A list of label names in parentheses: keywords are labels there, and so are strings.
    fn labels(&mut self) -> Result<(), NotUnderstood> {
        self.cursor.skip_blanks();
        self.cursor.expect(b'(', "`(` and labels were expected")?;
        self.cursor.skip_blanks();
        while !self.cursor.take(b')') {
            match self.cursor.peek() {
                Some(b'"' | b'\'' | b'`') => {
                    self.cursor.string()?;
                }
                Some(byte) if cursor::begins_word(byte) => {
                    self.cursor.word();
                }
                _ => return Err(self.cursor.error("a label was expected")),
            }
            self.cursor.skip_blanks();
            if !self.cursor.take(b',') && self.cursor.peek() != Some(b')') {
                return Err(self.cursor.error("`,` or `)` was expected behind a label"));
            }
            self.cursor.skip_blanks();
        }
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<Expected, NotUnderstood> {
        if self.open.len() >= self.limits.depth {
            return Err(self
                .cursor
                .error(format!("parentheses are nested deeper than {}", self.limits.depth)));
        }
        self.open.push(open);
        Ok(Expected::Operand)
    }

    fn close(&mut self) -> Result<Expected, NotUnderstood> {
        match self.open.pop() {
            Some(Open::Aggregation) => Ok(Expected::OperatorOrGrouping),
            Some(Open::Group | Open::Call) => Ok(Expected::Operator),
            None => Err(self.cursor.error("`)` has no `(`")),
        }
    }
}

#[cfg(test)]
mod tests;
