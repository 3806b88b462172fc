package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
)

// billMediaType is that of CycloneDX as JSON.
const billMediaType = "application/vnd.cyclonedx+json"

// The parts of a CycloneDX 1.6 document that are used here.
type (
	bill struct {
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		SerialNumber string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Reference  string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version,omitempty"`
		PURL       string     `json:"purl"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Licenses   []license  `json:"licenses,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	license struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Reference string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// rootsModule is where the image's root certificates come from.
const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// billOfMaterials lists what the Go command recorded in the binary: every
// module, with its checksum as in go.sum, and the standard library; and the
// root certificates.
func billOfMaterials(info *buildinfo.BuildInfo, binary []byte, created time.Time) ([]byte, error) {
	sum := sha256.Sum256(binary)
	main := module("application", info.Main.Path, info.Main.Version, "")
	main.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum[:])}}
	main.Licenses = make([]license, 1)
	main.Licenses[0].License.ID = "Apache-2.0"
	for _, setting := range info.Settings {
		switch setting.Key {
		case "GOOS", "GOARCH", "CGO_ENABLED", "-trimpath", "vcs.revision", "vcs.time", "vcs.modified":
			main.Properties = append(main.Properties, property{"build:" + setting.Key, setting.Value})
		}
	}
	components := []component{module("library", "stdlib", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		components = append(components, module("library", dep.Path, dep.Version, dep.Sum))
	}
	roots, err := rootsComponent()
	if err != nil {
		return nil, err
	}
	components = append(components, roots)
	uses := dependency{Reference: main.Reference}
	for _, c := range components {
		uses.DependsOn = append(uses.DependsOn, c.Reference)
	}
	return json.MarshalIndent(bill{
		Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		SerialNumber: "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceOID, sum[:]).String(), // the same for the same binary
		Metadata:     metadata{Timestamp: created.Format(time.RFC3339), Component: main},
		Components:   components,
		Dependencies: []dependency{uses},
	}, "", "  ")
}

func module(kind, path, version, sum string) component {
	purl := "pkg:golang/" + path
	if version != "" && version != "(devel)" {
		purl += "@" + strings.ReplaceAll(version, "+", "%2B")
	}
	c := component{Type: kind, Reference: purl, Name: path, Version: version, PURL: purl}
	if sum != "" {
		c.Properties = []property{{"go.sum", sum}}
	}
	return c
}

// rootsComponent is the module of the root certificates, in the version that
// this program was built with.
func rootsComponent() (component, error) {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == rootsModule {
				return module("data", dep.Path, dep.Version, dep.Sum), nil
			}
		}
	}
	return component{}, fmt.Errorf("the version of %s is not known; build this program with Go modules", rootsModule)
}
