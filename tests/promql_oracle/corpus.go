package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/value"
)

var evaluations = []*regexp.Regexp{
	regexp.MustCompile(`^eval(?:_\w+)?\s+instant\s+(?:at\s+\S+\s+)?(.+)$`),
	regexp.MustCompile(`^eval(?:_\w+)?\s+range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+\s+(.+)$`),
}

// eachLine gives the lines of promqltest's files.
func eachLine(module string, do func(line string)) error {
	files, err := filepath.Glob(filepath.Join(module, "promql/promqltest/testdata/*.test"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s holds no files of promqltest", module)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			do(line)
		}
	}
	return nil
}

// corpus collects the expressions of promqltest's files and, if all are wanted, the strings in the tests of the parser and the engine.
func corpus(module string, all bool) error {
	found := map[string]bool{}
	err := eachLine(module, func(line string) {
		for _, evaluation := range evaluations {
			if parts := evaluation.FindStringSubmatch(strings.TrimSpace(line)); parts != nil {
				found[parts[1]] = true
			}
		}
	})
	if err != nil {
		return err
	}
	tests, err := filepath.Glob(filepath.Join(module, "promql/parser/*_test.go"))
	if err != nil {
		return err
	}
	tests = append(tests, filepath.Join(module, "promql/promql_test.go"), filepath.Join(module, "promql/engine_test.go"))
	for _, file := range tests {
		if !all {
			break
		}
		if err := literals(file, found); err != nil {
			return err
		}
	}
	if len(found) < 1000 {
		return fmt.Errorf("%s holds only %d expressions", module, len(found))
	}
	expressions := make([]string, 0, len(found))
	for expression := range found {
		expressions = append(expressions, expression)
	}
	sort.Strings(expressions)
	encoder := json.NewEncoder(os.Stdout)
	for _, expression := range expressions {
		if err := encoder.Encode(expression); err != nil {
			return err
		}
	}
	return nil
}

// literals collects the strings in a test file; what is no expression serves as well.
func literals(file string, found map[string]bool) error {
	tree, err := goparser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(tree, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && len(text) < 4096 && strings.ToValidUTF8(text, "") == text {
				found[text] = true
			}
		}
		return true
	})
	return nil
}

// A series of promqltest, without native histograms. A value that is missing is null.
type Series struct {
	Labels     map[string]string `json:"labels"`
	GapSeconds float64           `json:"gap_seconds"`
	Values     []*string         `json:"values"`
}

var load = regexp.MustCompile(`^load(?:_with_nhcb)?\s+(\S+)`)

// series prints what promqltest's files load; what our parser of descriptions does not take is left out.
func series(module string) error {
	encoder := json.NewEncoder(os.Stdout)
	var gap time.Duration
	var failed error
	err := eachLine(module, func(line string) {
		if parts := load.FindStringSubmatch(line); parts != nil {
			gap, _ = time.ParseDuration(parts[1])
			return
		}
		if strings.TrimSpace(line) == "" || !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			gap = 0
		}
		if gap == 0 {
			return
		}
		found, values, err := promql.ParseSeriesDesc(strings.TrimSpace(line))
		if err != nil {
			return
		}
		described := Series{Labels: found.Map(), GapSeconds: gap.Seconds()}
		for _, v := range values {
			if v.Histogram != nil {
				return
			}
			var text *string
			if !v.Omitted && !value.IsStaleNaN(v.Value) {
				formatted := strconv.FormatFloat(v.Value, 'g', -1, 64)
				text = &formatted
			}
			described.Values = append(described.Values, text)
		}
		if err := encoder.Encode(described); err != nil {
			failed = err
		}
	})
	if err != nil {
		return err
	}
	return failed
}
