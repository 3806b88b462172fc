package registry_test

import (
	"fmt"
	"testing"

	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

func TestScanningConfiguration(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	get := func(want registry.ScanningConfiguration) {
		t.Helper()
		if got, err := d.Scanning(ctx, c, prod); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	get(registry.ScanningConfiguration{Type: "BASIC"})
	rule := func(frequency string) registry.ScanningRule {
		return registry.ScanningRule{Frequency: frequency, Filters: []string{"*"}}
	}
	stored := registry.ScanningConfiguration{Type: "BASIC"}
	for _, s := range []struct {
		scanType    string
		frequencies []string
		want        registry.Code
	}{
		{"BASIC", []string{"SCAN_ON_PUSH"}, ""},
		{"", []string{"MANUAL", "SCAN_ON_PUSH"}, ""},
		{"BASIC", []string{"CONTINUOUS_SCAN"}, registry.InvalidParameter},
		{"ENHANCED", []string{"SCAN_ON_PUSH", "CONTINUOUS_SCAN"}, ""},
		{"ENHANCED", []string{"MANUAL"}, registry.InvalidParameter},
		{"ENHANCED", []string{"SCAN_ON_PUSH", "SCAN_ON_PUSH"}, registry.InvalidParameter},
		{"ENHANCED", nil, ""},
		{"SOMETIMES", []string{"SCAN_ON_PUSH"}, registry.InvalidParameter},
	} {
		scanning := registry.ScanningConfiguration{Type: s.scanType}
		for _, f := range s.frequencies {
			scanning.Rules = append(scanning.Rules, rule(f))
		}
		_, err := d.SetScanning(ctx, c, prod, scanning)
		wantCode(t, fmt.Sprint(s), err, s.want)
		if err == nil {
			if stored = scanning; s.scanType == "" {
				stored.Type = "BASIC"
			}
		}
		get(stored)
	}
	if got, err := d.Scanning(ctx, root(devAccount), dev); err != nil || len(got.Rules) > 0 || got.Type != "BASIC" {
		t.Errorf("of another registry: %+v, %v", got, err)
	}
	_, err := d.SetScanning(ctx, c, dev, stored)
	wantCode(t, "of another account", err, registry.AccessDenied)
}

// The examples of filters are those of ECR's user guide, "Filters to choose which repositories are scanned".
func TestScanningOfRepositories(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	names := []string{"prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo"}
	for _, name := range names {
		d.create(resource.Repository{Registry: prod, Name: name})
	}
	scanning := func() (all []registry.RepositoryScanning) {
		t.Helper()
		all, missing, err := d.RepositoryScanning(ctx, c, prod, append([]string{"none"}, names...))
		if err != nil || len(all) != len(names) || len(missing) != 1 || missing[0] != "none" {
			t.Fatalf("%+v, missing %v, %v", all, missing, err)
		}
		return all
	}
	set := func(scanType string, rules ...registry.ScanningRule) {
		t.Helper()
		if _, err := d.SetScanning(ctx, c, prod, registry.ScanningConfiguration{Type: scanType, Rules: rules}); err != nil {
			t.Fatal(err)
		}
	}
	for filter, matches := range map[string][]bool{
		"prod":      {true, true, true, true, true},
		"*prod":     {true, true, false, false, false},
		"prod*":     {true, false, true, false, true},
		"*prod*":    {true, true, true, true, true},
		"prod*repo": {false, false, true, false, true},
		"none":      {false, false, false, false, false},
	} {
		for scanType, frequency := range map[string]string{"BASIC": "SCAN_ON_PUSH", "ENHANCED": "CONTINUOUS_SCAN"} {
			set(scanType, registry.ScanningRule{Frequency: frequency, Filters: []string{"x*", filter}})
			for i, got := range scanning() {
				want := registry.RepositoryScanning{Ref: resource.Repository{Registry: prod, Name: names[i]}, Frequency: "MANUAL"}
				if matches[i] {
					want.OnPush, want.Frequency, want.Filters = true, frequency, []string{filter}
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s %s: %+v, want %+v", scanType, filter, got, want)
				}
			}
		}
	}
	first := func() string { s := scanning()[0]; return fmt.Sprintf("%v %s %v", s.OnPush, s.Frequency, s.Filters) }
	want := func(what, want string) {
		t.Helper()
		if got := first(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	set("ENHANCED", registry.ScanningRule{Frequency: "SCAN_ON_PUSH", Filters: []string{"prod"}},
		registry.ScanningRule{Frequency: "CONTINUOUS_SCAN", Filters: []string{"p*"}})
	want("two rules", "true CONTINUOUS_SCAN [p*]")
	set("BASIC", registry.ScanningRule{Frequency: "MANUAL", Filters: []string{"prod"}})
	want("a rule that says so", "false MANUAL [prod]")
	set("BASIC")
	want("no rules", "false MANUAL []")
	if err := d.SetScanOnPush(ctx, c, resource.Repository{Registry: prod, Name: "prod"}, true); err != nil {
		t.Fatal(err)
	}
	want("the repository itself", "true SCAN_ON_PUSH []")
	if got, err := d.DescribeRepositories(ctx, c, prod, names[:1]); err != nil || !got[0].ScanOnPush {
		t.Errorf("%+v, %v", got, err)
	}
	set("ENHANCED")
	want("the repository itself, where only rules count", "false MANUAL []")
}

func TestNothingIsScannedYet(t *testing.T) {
	d := openStill(t)
	c := root(prodAccount)
	d.create(in(prod))
	d.put(in(prod), d.image(in(prod), "x"), "latest")
	latest, absent := registry.Reference{Tag: "latest"}, registry.Reference{Tag: "none"}
	wantCode(t, "a scan", d.StartScan(ctx, c, in(prod), latest), registry.Validation)
	wantCode(t, "its findings", d.ScanFindings(ctx, c, in(prod), latest), registry.ScanNotFound)
	wantCode(t, "of no image", d.StartScan(ctx, c, in(prod), absent), registry.ImageNotFound)
	wantCode(t, "findings of no image", d.ScanFindings(ctx, c, in(prod), absent), registry.ImageNotFound)
	wantCode(t, "by others", d.StartScan(ctx, root(devAccount), in(prod), latest), registry.AccessDenied)
}
