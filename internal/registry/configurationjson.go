package registry

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/strictjson"
)

// What the JSON of a configuration may cost whoever reads it. Builders write some dozens of each.
const (
	// MaxConfigurationItems is how many elements of one list are shown.
	MaxConfigurationItems   = 1000
	maxConfigurationDepth   = 32
	maxConfigurationMembers = 10_000 // of one object; so of the labels, too
)

// The members of a configuration, and of its members, that somebody reads (OCI image-spec, config.md).
var (
	configurationNames = strictjson.NewNames("architecture", "variant", "os", "os.version", "os.features", "created",
		"author", "config", "rootfs", "history")
	executionNames = strictjson.NewNames("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir",
		"Labels", "StopSignal")
	historyNames = strictjson.NewNames("created", "created_by", "author", "comment", "empty_layer")
)

// parseConfiguration reads the configuration of an image with so many layers. One that programs could read in two
// ways, or with a member of another type than the specification has, is refused.
func parseConfiguration(raw []byte, layers int) (*Configuration, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	p := configurationReader{r: strictjson.NewReader(raw, strictjson.Limits{
		Depth: maxConfigurationDepth, Members: maxConfigurationMembers,
	})}
	v, err := p.r.Value()
	if err != nil {
		return nil, err
	}
	if v.Kind != strictjson.Object {
		return nil, unexpectedKind("it", v, "an object")
	}
	if err := p.document(); err != nil {
		return nil, err
	}
	if err := p.r.End(); err != nil {
		return nil, err
	}
	p.numberLayers(layers)
	return &p.c, nil
}

// configurationReader fills a Configuration from its JSON.
type configurationReader struct {
	r *strictjson.Reader
	c Configuration
	// steps is how many entries the history has that changed files, also among those that are left out.
	steps int
}

func (p *configurationReader) document() error {
	c := &p.c
	return p.members(configurationNames, func(name string) error {
		switch name {
		case "architecture":
			return p.text(name, &c.Architecture)
		case "variant":
			return p.text(name, &c.Variant)
		case "os":
			return p.text(name, &c.OS)
		case "os.version":
			return p.text(name, &c.OSVersion)
		case "os.features":
			return p.texts(name, &c.OSFeatures)
		case "created":
			return p.time(name, &c.CreatedAt)
		case "author":
			return p.text(name, &c.Author)
		case "config":
			return p.object(name, executionNames, p.execution)
		case "history":
			return p.elements(name, p.historyEntry)
		}
		return p.skip()
	})
}

func (p *configurationReader) execution(name string) error {
	c, at := &p.c, "config."+name
	switch name {
	case "User":
		return p.text(at, &c.User)
	case "ExposedPorts":
		return p.set(at, &c.ExposedPorts)
	case "Env":
		return p.texts(at, &c.Environment)
	case "Entrypoint":
		return p.texts(at, &c.Entrypoint)
	case "Cmd":
		return p.texts(at, &c.Command)
	case "Volumes":
		return p.set(at, &c.Volumes)
	case "WorkingDir":
		return p.text(at, &c.WorkingDirectory)
	case "Labels":
		return p.labels(at)
	case "StopSignal":
		return p.text(at, &c.StopSignal)
	}
	return p.skip()
}

func (p *configurationReader) historyEntry(at string) error {
	e := HistoryEntry{Layer: -1}
	err := p.object(at, historyNames, func(name string) error {
		at := at + "." + name
		switch name {
		case "created":
			return p.time(at, &e.CreatedAt)
		case "created_by":
			return p.text(at, &e.CreatedBy)
		case "author":
			return p.text(at, &e.Author)
		case "comment":
			return p.text(at, &e.Comment)
		case "empty_layer":
			return p.boolean(at, &e.EmptyLayer)
		}
		return p.skip()
	})
	if err != nil {
		return err
	}
	if !e.EmptyLayer {
		p.steps++
	}
	if p.roomIn(len(p.c.History)) {
		p.c.History = append(p.c.History, e)
	}
	return nil
}

// numberLayers gives each step the layer that it made, if there are as many of the one as of the other: builders may
// leave out the history, or a part of it.
func (p *configurationReader) numberLayers(layers int) {
	if p.steps != layers {
		return
	}
	n := 0
	for i := range p.c.History {
		if e := &p.c.History[i]; !e.EmptyLayer {
			e.Layer = n
			n++
		}
	}
}

// roomIn says whether a list of n may have one more, and notes if not.
func (p *configurationReader) roomIn(n int) bool {
	if n < MaxConfigurationItems {
		return true
	}
	p.c.Truncated = true
	return false
}

// scalar reads a value of the kind; null stands for one that is not there, as Docker writes it.
func (p *configurationReader) scalar(at string, kind strictjson.Kind) (text string, there bool, err error) {
	v, err := p.r.Value()
	if err == nil && v.Kind != kind && v.Kind != strictjson.Null {
		err = unexpectedKind(at, v, kind)
	}
	return v.Text, v.Kind == kind, err
}

func (p *configurationReader) text(at string, to *string) error {
	text, _, err := p.scalar(at, strictjson.String)
	*to = text
	return err
}

func (p *configurationReader) boolean(at string, to *bool) error {
	text, _, err := p.scalar(at, strictjson.Boolean)
	*to = text == "true"
	return err
}

// time reads a time. A text that is none counts as not there: the rest of the configuration is worth being read.
func (p *configurationReader) time(at string, to *time.Time) error {
	text, _, err := p.scalar(at, strictjson.String)
	*to, _ = time.Parse(time.RFC3339Nano, text)
	return err
}

func (p *configurationReader) texts(at string, to *[]string) error {
	return p.elements(at, func(place string) error {
		text, there, err := p.scalar(place, strictjson.String)
		if err == nil && !there {
			err = fmt.Errorf("%s is null, not %s", place, strictjson.String)
		}
		if err == nil && p.roomIn(len(*to)) {
			*to = append(*to, text)
		}
		return err
	})
}

// set reads an object whose names are all that it says.
func (p *configurationReader) set(at string, to *[]string) error {
	err := p.object(at, nil, func(name string) error {
		if p.roomIn(len(*to)) {
			*to = append(*to, name)
		}
		return p.skip()
	})
	slices.Sort(*to)
	return err
}

func (p *configurationReader) labels(at string) error {
	p.c.Labels = map[string]string{}
	return p.object(at, nil, func(name string) error {
		var text string
		if err := p.text(at+"."+name, &text); err != nil {
			return err
		}
		if p.roomIn(len(p.c.Labels)) {
			p.c.Labels[name] = text
		}
		return nil
	})
}

// object reads an object, or null for none.
func (p *configurationReader) object(at string, names *strictjson.Names, member func(name string) error) error {
	there, err := p.enter(at, strictjson.Object)
	if !there {
		return err
	}
	return p.members(names, member)
}

// members reads those of the object that was entered last.
func (p *configurationReader) members(names *strictjson.Names, member func(name string) error) error {
	for {
		more, err := p.r.More()
		if !more {
			return err
		}
		name, _, err := p.r.Name(names)
		if err == nil {
			err = member(name)
		}
		if err != nil {
			return err
		}
	}
}

// elements reads an array, or null for none.
func (p *configurationReader) elements(at string, element func(place string) error) error {
	there, err := p.enter(at, strictjson.Array)
	if !there {
		return err
	}
	for n := 0; ; n++ {
		more, err := p.r.More()
		if !more {
			return err
		}
		if err := element(fmt.Sprintf("%s[%d]", at, n)); err != nil {
			return err
		}
	}
}

// enter begins an object or array: false if it is null.
func (p *configurationReader) enter(at string, kind strictjson.Kind) (bool, error) {
	v, err := p.r.Value()
	if err == nil && v.Kind != kind && v.Kind != strictjson.Null {
		err = unexpectedKind(at, v, kind)
	}
	return err == nil && v.Kind == kind, err
}

// skip reads a value that nobody asks for.
func (p *configurationReader) skip() error {
	v, err := p.r.Value()
	if err != nil {
		return err
	}
	switch v.Kind {
	case strictjson.Object:
		return p.members(nil, func(string) error { return p.skip() })
	case strictjson.Array:
		for {
			more, err := p.r.More()
			if !more {
				return err
			}
			if err := p.skip(); err != nil {
				return err
			}
		}
	}
	return nil
}

func unexpectedKind(at string, v strictjson.Value, want strictjson.Kind) error {
	return fmt.Errorf("%s is %s, not %s, at byte %d", Shorten(at), v.Kind, want, v.Offset)
}
