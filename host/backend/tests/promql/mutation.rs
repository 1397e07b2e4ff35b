//! Queries that are nearly expressions: pieces of real ones, cut, doubled, swapped, and mixed with what is hard to read.

/// What lexers stumble over.
const TRAPS: &[&str] = &[
    "#",
    "#}\r",
    "# {\n",
    "\r",
    "\n",
    " ",
    "\t",
    "`",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "{}",
    "{,}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ":",
    "@",
    "\"}\"",
    "'#'",
    "`{`",
    "\"\\\"\"",
    "`\\`",
    "\"\\x7d\"",
    "offset",
    "OFFSET",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "fill",
    "fill(0)",
    "fill_left (1)",
    "start",
    "start()",
    "end()",
    "@ start()",
    "step",
    "step()",
    "range()",
    "max_of(1m,2m)",
    "atan2",
    "and",
    "OR",
    "unless",
    "inf",
    "NaN",
    "0x1f",
    "1e",
    "1e+5",
    "1e+",
    "5m",
    "1h30m",
    "5mfoo",
    ".5",
    "1.",
    "1_0",
    "foo",
    "foo:bar",
    ":a",
    "sum",
    "sum(",
    "sum by (a) (",
    "topk(1,",
    "rate(",
    "[5m]",
    "[5m:1m]",
    "[5m:]",
    "info(",
    "absent(",
    "{\"my.metric\"}",
    "{\"a.b\"=\"c\"}",
    "{__name__=~\".+\"}",
    "foo{a=\"b\"}",
    "=~",
    "!~",
    "!=",
    "==",
    "=",
    "</",
    ">/",
    "<",
    "-",
    "+",
    "^",
    "anchored",
    "smoothed",
    "é",
    "\u{fffd}",
    "\u{feff}",
    "\0",
    "[foo]",
    "offset (5m)",
    "offset -5m",
    "{a=\"b\" or c=\"d\"}",
    "\u{2028}",
    "\u{a0}",
    ";",
    "$",
    "//",
    "/*",
    "*/",
];

/// A xorshift generator: the same seed, the same queries.
pub(crate) struct Mutator<'a> {
    state: u64,
    corpus: &'a [String],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, corpus: &'a [String]) -> Self {
        Mutator { state: seed | 1, corpus }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from((self.state >> 11) % bound.max(1) as u64).unwrap()
    }

    fn pick(&mut self) -> &'a str {
        let at = self.below(self.corpus.len());
        &self.corpus[at]
    }

    pub(crate) fn query(&mut self) -> String {
        let mut tokens: Vec<String> = tokens(self.pick());
        for _ in 0..1 + self.below(4) {
            self.mutate(&mut tokens);
        }
        tokens.concat()
    }

    fn mutate(&mut self, tokens: &mut Vec<String>) {
        let at = self.below(tokens.len() + 1);
        let trap = TRAPS[self.below(TRAPS.len())].to_owned();
        match self.below(7) {
            0 | 1 => tokens.insert(at, trap),
            2 if at < tokens.len() => tokens[at] = trap,
            3 if at < tokens.len() => {
                tokens.remove(at);
            }
            4 if at < tokens.len() => {
                let other = self.below(tokens.len());
                tokens.swap(at, other);
            }
            5 => {
                let other = self::tokens(self.pick());
                let from = self.below(other.len());
                let to = (from + 1 + self.below(6)).min(other.len());
                tokens.splice(at..at, other.get(from..to).unwrap_or_default().iter().cloned());
            }
            _ => {
                let text = tokens.concat();
                let cut = text.char_indices().map(|(at, _)| at).nth(self.below(text.len())).unwrap_or(0);
                let (head, tail) = text.split_at(cut);
                *tokens = vec![head.to_owned(), trap, tail.to_owned()];
            }
        }
    }
}

/// Runs of word characters, and single other characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_ascii_alphanumeric() || c == '_' || c == '.';
        match tokens.last_mut() {
            Some(last) if word && in_word => last.push(c),
            _ => tokens.push(c.to_string()),
        }
        in_word = word;
    }
    tokens
}
