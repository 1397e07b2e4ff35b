// Prometheus' own PromQL parser as a judge over our narrowing.
//
//	promql-oracle corpus DIR   prints the expressions of Prometheus' own tests, as JSON strings, one on each line
//	promql-oracle evaluations DIR   prints those of them that promqltest evaluates
//	promql-oracle series DIR   prints the series that promqltest loads, as JSON objects, one on each line
//	promql-oracle judge        reads cases and writes verdicts, as JSON objects, one on each line
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Everything that a server can be told to accept is accepted: what is valid here is what has to be narrowed.
var promql = parser.NewParser(parser.Options{
	EnableExperimentalFunctions:  true,
	ExperimentalDurationExpr:     true,
	EnableExtendedRangeSelectors: true,
	EnableBinopFillModifiers:     true,
})

// A case: what was asked, what goes into each selector, and what we made of it, if anything.
type Case struct {
	Original string  `json:"original"`
	Injected string  `json:"injected"`
	Narrowed *string `json:"narrowed"`
}

// A verdict over a case.
type Verdict struct {
	// Whether the original is an expression.
	OriginalValid bool `json:"original_valid"`
	// Whether what we made of it is one.
	NarrowedValid bool `json:"narrowed_valid"`
	// Selectors in what we made of it.
	Selectors int `json:"selectors"`
	// Selectors in what we made of it that do not begin with the injected matchers.
	Open int `json:"open"`
	// Whether what we made of it is the original with the matchers put in, and nothing else.
	Same bool `json:"same"`
	// The original with the matchers put in by the parser's own tree, where it is not the same.
	Expected string `json:"expected,omitempty"`
}

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "corpus":
		err = corpus(os.Args[2], true)
	case len(os.Args) == 3 && os.Args[1] == "evaluations":
		err = corpus(os.Args[2], false)
	case len(os.Args) == 3 && os.Args[1] == "series":
		err = series(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "judge":
		err = judgeAll()
	default:
		err = fmt.Errorf("usage: promql-oracle corpus DIR | evaluations DIR | series DIR | judge")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judgeAll() error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for in.Scan() {
		var c Case
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			return err
		}
		verdict, err := judge(c)
		if err != nil {
			return err
		}
		if err := encoder.Encode(verdict); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	return out.Flush()
}

func judge(c Case) (Verdict, error) {
	injected, err := promql.ParseMetricSelector("{" + c.Injected + "}")
	if err != nil {
		return Verdict{}, err
	}
	var verdict Verdict
	original, err := promql.ParseExpr(c.Original)
	verdict.OriginalValid = err == nil
	if c.Narrowed == nil {
		return verdict, nil
	}
	narrowed, err := promql.ParseExpr(*c.Narrowed)
	verdict.NarrowedValid = err == nil
	if err == nil {
		inspect(narrowed, func(selector *parser.VectorSelector) {
			verdict.Selectors++
			if !beginsWith(selector.LabelMatchers, injected) {
				verdict.Open++
			}
		})
	}
	if verdict.OriginalValid && verdict.NarrowedValid {
		inspect(original, func(selector *parser.VectorSelector) {
			selector.LabelMatchers = append(append([]*labels.Matcher{}, injected...), selector.LabelMatchers...)
		})
		expected := original.String()
		verdict.Same = expected == narrowed.String()
		if !verdict.Same {
			verdict.Expected = expected
		}
	}
	return verdict, nil
}

func inspect(expression parser.Expr, each func(*parser.VectorSelector)) {
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			each(selector)
		}
		return nil
	})
}

func beginsWith(matchers, injected []*labels.Matcher) bool {
	if len(matchers) < len(injected) {
		return false
	}
	for i, wanted := range injected {
		if matchers[i].String() != wanted.String() {
			return false
		}
	}
	return true
}
