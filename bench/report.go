package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// figure is one result of one test.
type figure struct {
	name, unit string
	value      float64
}

// row is one figure of one test, over all rounds, by column.
type row struct {
	test, name, unit string
	values           map[string][]float64
}

// The columns of the report.
const (
	twinport     = "twinport"
	onShared     = "postgresql-s3" // Twinport on PostgreSQL and S3
	distribution = "distribution"
	yardstick    = "yardstick"
	// An earlier build of Twinport, on either pair of stores.
	before         = "before"
	beforeOnShared = "postgresql-s3 before"
)

// report collects figures in the order in which they first come.
type report struct{ rows []*row }

func (r *report) add(test, column string, figures []figure) {
	for _, f := range figures {
		found := r.row(test, f.name)
		if found == nil {
			found = &row{test: test, name: f.name, unit: f.unit, values: map[string][]float64{}}
			// Beside its test's other figures, though a column may bring it late.
			at := len(r.rows)
			for i, other := range r.rows {
				if other.test == test {
					at = i + 1
				}
			}
			r.rows = slices.Insert(r.rows, at, found)
		}
		found.values[column] = append(found.values[column], f.value)
	}
}

// has reports whether the column was measured.
func (r *report) has(column string) bool {
	return slices.ContainsFunc(r.rows, func(row *row) bool { return len(row.values[column]) > 0 })
}

func (r *report) row(test, name string) *row {
	for _, row := range r.rows {
		if row.test == test && row.name == name {
			return row
		}
	}
	return nil
}

// ratios of one column to another, round by round: what disturbs one round
// disturbs both sides of its ratio.
func (r *row) ratios(column, to string) []float64 {
	var out []float64
	for i, v := range r.values[to] {
		if i < len(r.values[column]) && v != 0 {
			out = append(out, r.values[column][i]/v)
		}
	}
	return out
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// spread is "min / median / max", or one figure if there was one round.
func spread(values []float64) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return number(values[0])
	}
	return number(slices.Min(values)) + " / " + number(median(values)) + " / " + number(slices.Max(values))
}

// number with three significant digits, whole from 100 on.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// aim is what the project wants of the median of a figure.
type aim struct {
	test, name string
	against    string // the column that the bound is a ratio to; "" for an absolute bound
	atMost     bool
	bound      float64
}

// The push's bound stands for "ahead of every peer": where all were measured on
// one machine, the fastest (olareg, which does not fsync) had 1.45 times
// distribution's rate.
var aims = []aim{
	{testManifestGet, "rate", yardstick, false, 0.5},
	{testBlobHead, "rate", yardstick, false, 0.7},
	{testManifestPut, "rate", distribution, false, 3},
	{testImages, "push", distribution, false, 1.45},
	{testImages, "pull", yardstick, false, 0.95},
	{testBig, "up", yardstick, false, 0.9},
	{testReplication, "1 in flight: lag p99", "", true, 50},
	{testReplication, "100 in flight: lag p99", "", true, 50},
	{testReplication, "1000 in flight: lag p99", "", true, 50},
	{testReplication, "1000 in flight: replicated", "", false, 1000},
	{testStartup, "idle memory", "", true, 40},
	{testStartup, "first answer", "", true, 100},
}

// compared are the columns of the report, each with the one that it is compared with.
var compared = []struct{ column, numerator, denominator, ratio string }{
	{column: twinport},
	{before, twinport, before, "ratio to before"},
	{onShared, onShared, twinport, "ratio to twinport"},
	{beforeOnShared, onShared, beforeOnShared, "ratio to before"},
	{distribution, twinport, distribution, "ratio to distribution"},
	{yardstick, twinport, yardstick, "ratio to yardstick"},
}

// tables of the report: the figures of what was measured, and how they stand to the aims.
func (r *report) tables() (figures, against [][]string) {
	head := []string{"test", "figure", "unit"}
	for _, c := range compared {
		if !r.has(c.column) {
			continue
		}
		head = append(head, c.column)
		if c.ratio != "" {
			head = append(head, c.ratio)
		}
	}
	figures = [][]string{head}
	for _, row := range r.rows {
		cells := []string{row.test, row.name, row.unit}
		for _, c := range compared {
			if !r.has(c.column) {
				continue
			}
			cells = append(cells, spread(row.values[c.column]))
			if c.ratio != "" {
				cells = append(cells, spread(row.ratios(c.numerator, c.denominator)))
			}
		}
		figures = append(figures, cells)
	}
	against = [][]string{{"aim", "wanted", "median", "met"}}
	for _, a := range aims {
		row := r.row(a.test, a.name)
		if row == nil {
			continue
		}
		values, unit := row.values[twinport], row.unit
		if a.against != "" {
			values, unit = row.ratios(twinport, a.against), "of "+a.against
		}
		if len(values) == 0 {
			continue
		}
		sign, met := "at least ", median(values) >= a.bound
		if a.atMost {
			sign, met = "under ", median(values) < a.bound
		}
		verdict := "yes"
		if !met {
			verdict = "no"
		}
		against = append(against, []string{
			a.test + ", " + a.name, sign + number(a.bound) + " " + unit, number(median(values)), verdict,
		})
	}
	return figures, against
}

// text prints the report for a terminal.
func (r *report) text(w io.Writer, facts []string) error {
	for _, f := range facts {
		fmt.Fprintln(w, f)
	}
	figures, against := r.tables()
	for _, table := range [][][]string{figures, against} {
		if len(table) == 1 {
			continue
		}
		fmt.Fprintln(w)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, cells := range table {
			fmt.Fprintln(tw, strings.Join(cells, "\t"))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// markdown prints the report as tables for a document.
func (r *report) markdown(w io.Writer, facts []string) error {
	var b strings.Builder
	for _, f := range facts {
		b.WriteString("- " + f + "\n")
	}
	figures, against := r.tables()
	for _, table := range [][][]string{figures, against} {
		if len(table) == 1 {
			continue
		}
		for i, cells := range table {
			if i == 0 {
				b.WriteString("\n")
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
			if i == 0 {
				b.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// The lines between which a document has the tables.
const (
	resultsBegin = "<!-- bench: begin -->"
	resultsEnd   = "<!-- bench: end -->"
)

// replaceResults writes the tables to the file, or replaces those it has.
func replaceResults(file string, tables []byte) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	head, rest, has := bytes.Cut(text, []byte(resultsBegin+"\n"))
	_, after, ends := bytes.Cut(rest, []byte(resultsEnd))
	if has && ends {
		tables = slices.Concat(head, []byte(resultsBegin+"\n"), tables, []byte(resultsEnd), after)
	}
	return os.WriteFile(file, tables, 0o644)
}
