// Writes patterns, and what Go's regexp makes of them, for the tests beside it:
//
//	go run generate.go 7 1500 > go.jsonl
//
// (seed, number of patterns). The first line holds the values; each other line a pattern, whether Go
// accepts it, and for each value whether ^(?:pattern)$ matches it.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"regexp"
	"strconv"
	"strings"
)

var values = []string{
	"", "a", "b", "ab", "ba", "aa", "aab", "abc", "A", "aB", "K", "k", "\u212a", "s", "\u017f", "é", "É", "éé", "٣",
	"5", "12", "_", "-", "--", "&", "&&", "[", "]", "a]", "[a", "^", "$", "\\", "{", "a{,2}", "a{1", ",2}", "}", "|",
	"a|b", "\n", "a\n", "\na", "a\nb", "\t", "\v", " ", "a b", "\u00a0", "~~", "a.b", ".", "x:y", ":alpha:", "\x00",
	"\U0001f600", "\ufffd", "\x7f", "Z", "(", ")", "*", "#", "a#", "/", "aaaaaaaaaaaa",
}

var atoms = strings.Split(`a b c A k K s é É 5 _ - & ~ # , : . ^ $ \d \D \s \S \w \W \b \B \A \z \. \\ \- \_ \/ \n \t `+
	`\x61 \x{e9} \101 \0 \Qa.b\E \Q-\E [a] [^a] [a-c] [^a-c] [-a] [a-] [a-c-] []a] [^]a] [[a] [a&&b] [a--b] [a~~b] `+
	`[[:alpha:]] [^[:digit:]] [[:^space:]] [[:word:]a] [\d_] [^\d] [\W] [\]a] [\^a] [a\-c] [é-ü] [\x00-\x{10FFFF}] `+
	`[^\x00-\x{10FFFF}] [k] [^k] [a-z] [^a-z] { } {2} {,2} a{1 a{2,1} \p{L} \pN \C \Z \1 (?i) (?-i) (?s) (?m) (?U) (?x) (?im-s) `+
	`(?i:k) (?i:s) (?s:.) (?m:^) (?m:$) (?i:é) (?i:[a-c]) (?i:[^k]) (?i:\w) (?i:\W) (?P<n>a) (?<n>b) (?P<1>c) (?:) () (?:a|b) `+
	`(a|) (|a) [ ] ( ) (?: | || \ \E (?=a) (?#x)`, " ")

var repeats = []string{"*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,}", "{0}", "{,2}", "{2,1}", "**", "{3}{2}", "{1001}", "{01}", "{ 1}"}

func pattern(dice *rand.Rand, depth int) string {
	var text strings.Builder
	for n := 1 + dice.Intn(3); n > 0; n-- {
		part := atoms[dice.Intn(len(atoms))]
		if depth > 0 && dice.Intn(3) == 0 {
			part = []string{"(", "(?:", "(?i:", "(?s:", "(?m:", "(?i-s:"}[dice.Intn(6)] + pattern(dice, depth-1) + ")"
		}
		text.WriteString(part)
		if dice.Intn(3) == 0 {
			text.WriteString(repeats[dice.Intn(len(repeats))])
		}
		if dice.Intn(5) == 0 {
			text.WriteString("|")
		}
	}
	return text.String()
}

func main() {
	seed, _ := strconv.ParseInt(os.Args[1], 10, 64)
	count, _ := strconv.Atoi(os.Args[2])
	dice := rand.New(rand.NewSource(seed))
	write := json.NewEncoder(os.Stdout)
	write.SetEscapeHTML(false)
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	check(write.Encode(values))
	for range count {
		text := pattern(dice, 2)
		_, alone := regexp.Compile(text)
		compiled, anchored := regexp.Compile("^(?:" + text + ")$")
		results := ""
		if alone == nil && anchored == nil {
			for _, value := range values {
				if compiled.MatchString(value) {
					results += "1"
				} else {
					results += "0"
				}
			}
		}
		check(write.Encode([]any{text, alone == nil && anchored == nil, results}))
	}
}
