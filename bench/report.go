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
type report struct {
	rows []*row
	aims []aim // beside those that always are
}

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
	{testToken, "rate", yardstick, false, 0.5},
	{testLayers, "rate", yardstick, false, 0.5},
	{testLists, "DescribeImages: last to first", "", true, 1.5},
	{testLists, "DescribeImages: through all", "", false, 100_000},
	{testLists, "ListImages: last to first", "", true, 1.5},
	{testLists, "ListImages: through all", "", false, 100_000},
	{testLists, "lifecycle preview, for each 100,000 images", "", true, 1},
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
	{column: craneMany},
	{column: craneFew},
	{column: skopeo},
	{column: regsync},
	{bestTool, twinport, bestTool, "ratio to the best tool"},
}

// addBest adds the column of the best tool, round by round.
func (r *report) addBest() {
	for _, row := range r.rows {
		for _, column := range toolColumns {
			for i, v := range row.values[column] {
				if i == len(row.values[bestTool]) {
					row.values[bestTool] = append(row.values[bestTool], v)
				}
				row.values[bestTool][i] = max(row.values[bestTool][i], v)
			}
		}
	}
}

// section is a part of the report that has columns of its own.
type section struct {
	begin, end string // the lines of a document between which it stands
	rows       []*row
	aims       []aim
}

// sections are those of which there are figures.
func (r *report) sections() (all []section) {
	peers := section{begin: peersBegin, end: peersEnd, aims: r.aims}
	others := section{begin: resultsBegin, end: resultsEnd, aims: aims}
	for _, row := range r.rows {
		if row.test == testPeers {
			peers.rows = append(peers.rows, row)
		} else {
			others.rows = append(others.rows, row)
		}
	}
	for _, s := range []section{others, peers} {
		if len(s.rows) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// has reports whether the column was measured.
func (s section) has(column string) bool {
	return slices.ContainsFunc(s.rows, func(row *row) bool { return len(row.values[column]) > 0 })
}

// tables of the section: the figures of what was measured, and how they stand to the aims.
func (s section) tables() (figures, against [][]string) {
	head := []string{"test", "figure", "unit"}
	for _, c := range compared {
		if !s.has(c.column) {
			continue
		}
		if c.column != bestTool {
			head = append(head, c.column)
		}
		if c.ratio != "" {
			head = append(head, c.ratio)
		}
	}
	figures = [][]string{head}
	for _, row := range s.rows {
		cells := []string{row.test, row.name, row.unit}
		for _, c := range compared {
			if !s.has(c.column) {
				continue
			}
			if c.column != bestTool {
				cells = append(cells, spread(row.values[c.column]))
			}
			if c.ratio != "" {
				cells = append(cells, spread(row.ratios(c.numerator, c.denominator)))
			}
		}
		figures = append(figures, cells)
	}
	against = [][]string{{"aim", "wanted", "median", "met"}}
	for _, a := range s.aims {
		for _, row := range s.rows {
			if row.test == a.test && row.name == a.name {
				against = append(against, a.verdict(row)...)
			}
		}
	}
	return figures, against
}

// verdict says whether a row meets the aim; nothing if the row lacks what it takes.
func (a aim) verdict(row *row) [][]string {
	values, unit := row.values[twinport], row.unit
	if a.against != "" {
		values, unit = row.ratios(twinport, a.against), "of "+a.against
	}
	if len(values) == 0 {
		return nil
	}
	sign, met := "at least ", median(values) >= a.bound
	if a.atMost {
		sign, met = "under ", median(values) < a.bound
	}
	verdict := "yes"
	if !met {
		verdict = "no"
	}
	return [][]string{{a.test + ", " + a.name, sign + number(a.bound) + " " + unit, number(median(values)), verdict}}
}

// text prints the report for a terminal.
func (r *report) text(w io.Writer, facts []string) error {
	for _, f := range facts {
		fmt.Fprintln(w, f)
	}
	for _, s := range r.sections() {
		figures, against := s.tables()
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
	}
	return nil
}

// markdown is the section as tables for a document.
func (s section) markdown(facts []string) []byte {
	var b bytes.Buffer
	for _, f := range facts {
		b.WriteString("- " + f + "\n")
	}
	figures, against := s.tables()
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
	return b.Bytes()
}

// The lines between which a document has the tables, and those of the test "peers".
const (
	resultsBegin = "<!-- bench: begin -->"
	resultsEnd   = "<!-- bench: end -->"
	peersBegin   = "<!-- bench peers: begin -->"
	peersEnd     = "<!-- bench peers: end -->"
)

// write writes the tables to a document, or replaces those it has.
func (r *report) write(file string, facts []string) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var tables []byte // of which the document has no place
	replaced := false
	for _, s := range r.sections() {
		of := s.markdown(facts)
		head, rest, has := bytes.Cut(text, []byte(s.begin+"\n"))
		_, after, ends := bytes.Cut(rest, []byte(s.end))
		if !has || !ends {
			tables = append(tables, of...)
			continue
		}
		text, replaced = slices.Concat(head, []byte(s.begin+"\n"), of, []byte(s.end), after), true
	}
	if !replaced {
		text = tables
	} else {
		text = append(text, tables...)
	}
	return os.WriteFile(file, text, 0o644)
}
