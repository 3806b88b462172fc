package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

var testStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{nil, ""},
		{[]float64{1.234}, "1.23"},
		{[]float64{30, 10, 20.04}, "10.0 / 20.0 / 30.0"},
		{[]float64{400, 100, 200, 300}, "100 / 250 / 400"},
	} {
		if got := spread(c.values); got != c.want {
			t.Errorf("spread(%v) = %q, want %q", c.values, got, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var d []time.Duration
	for i := range 200 {
		d = append(d, time.Duration(i+1))
	}
	for _, c := range []struct {
		of   []time.Duration
		p    int
		want time.Duration
	}{{d, 50, 100}, {d, 99, 198}, {d[:1], 50, 1}, {d[:1], 99, 1}, {d[:3], 50, 2}, {d[:3], 99, 3}} {
		if got := percentile(c.of, c.p); got != c.want {
			t.Errorf("percentile %d of %d = %d, want %d", c.p, len(c.of), got, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	var r report
	// Each round is three times as fast as the one before, on both sides: the
	// ratio stays.
	for _, f := range []float64{1, 3, 9} {
		r.add(testManifestPut, distribution, []figure{{"rate", "req/s", 100 * f}})
		r.add(testStartup, twinport, []figure{{"first answer", "ms", 99 + f}})
		r.add(testManifestPut, twinport, []figure{{"rate", "req/s", 350 * f}, {"p50", "ms", f}})
	}
	var order []string
	for _, row := range r.rows {
		order = append(order, row.test+" "+row.name)
	}
	if want := []string{"manifest-put rate", "manifest-put p50", "startup first answer"}; !slices.Equal(order, want) {
		t.Errorf("rows are %q, want %q", order, want)
	}
	var text bytes.Buffer
	if err := r.text(&text, []string{"cores: 2"}); err != nil {
		t.Fatal(err)
	}
	markdown := r.sections()[0].markdown([]string{"cores: 2"})
	for _, want := range []string{
		"- cores: 2\n",
		"| manifest-put | rate | req/s | 350 / 1050 / 3150 | 100 / 300 / 900 | 3.50 / 3.50 / 3.50 |\n",
		"| manifest-put, rate | at least 3.00 of distribution | 3.50 | yes |\n",
		"| startup, first answer | under 100 ms | 102 | no |\n",
	} {
		if !bytes.Contains(markdown, []byte(want)) {
			t.Errorf("no %q in\n%s", want, markdown)
		}
	}
	if strings.Contains(text.String(), onShared) || strings.Contains(text.String(), before) {
		t.Errorf("columns that were not measured are in\n%s", &text)
	}
	r.add(testManifestPut, onShared, []figure{{"rate", "req/s", 80}})
	r.add(testManifestPut, before, []figure{{"rate", "req/s", 400}})
	r.add(testManifestPut, beforeOnShared, []figure{{"rate", "req/s", 100}})
	compared, _ := r.sections()[0].tables()
	want := []string{testManifestPut, "rate", "req/s", "350 / 1050 / 3150", "400", "0.88", "80.0", "0.23", "100", "0.80"}
	if !slices.Equal(compared[1][:len(want)], want) {
		t.Errorf("compared with an earlier build: %q, want %q", compared[1], want)
	}
	if !strings.Contains(text.String(), "3.50 / 3.50 / 3.50") {
		t.Errorf("no ratio in\n%s", &text)
	}
}
