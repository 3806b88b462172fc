package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDocument bounds the configuration file, in bytes.
const maxDocument = 1 << 20

// origin is where a value was written.
type origin struct {
	source   string // a file's path or a variable's name
	variable bool
	dir      string // relative paths start here
}

// setting is a value that was written down, not yet checked.
type setting struct {
	origin
	node *yaml.Node
	path string // of keys, as messages show it: accounts[0].id
}

// child is a value inside s.
func (s setting) child(path string, node *yaml.Node) setting {
	return setting{origin: s.origin, node: node, path: path}
}

// key is the value of a key of s.
func (s setting) key(name string, node *yaml.Node) setting {
	if s.path == "" {
		return s.child(name, node)
	}
	return s.child(s.path+"."+name, node)
}

// loader reads a configuration and collects what is wrong with it.
type loader struct {
	environ    map[string]string
	referenced map[string]bool // variables that a secret_env names
	// unread: a source could not be read, so what is missing is not known.
	unread   bool
	problems problems
	config   Config
}

// problemf records a problem with s. Arguments must not be secrets.
func (l *loader) problemf(s setting, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if s.path != "" {
		message = s.path + ": " + message
	}
	p := Problem{Source: s.source, variable: s.variable, Message: message}
	if s.node != nil {
		p.Line = s.node.Line
	}
	l.problems.add(p)
}

// readFile returns the settings of the file at path, those below sweep,
// lifecycle, tls, deployment and secrets among them (tls.cert, tls.acme.domains), and the file's folder.
func (l *loader) readFile(path string) (map[string]setting, string, error) {
	settings := map[string]setting{}
	if path == "" {
		return settings, "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxDocument+1))
	if err != nil {
		return nil, "", fmt.Errorf("read the configuration: %w", err)
	}
	from := origin{source: path, dir: filepath.Dir(path)}
	root := l.parse(from, text)
	if root == nil {
		return settings, from.dir, nil
	}
	settings = l.mapping(setting{origin: from, node: root}, topKeys)
	for _, below := range []struct {
		name string
		keys []string
	}{
		{"sweep", sweepKeys}, {"lifecycle", lifecycleKeys}, {"tls", tlsKeys}, {"tls.acme", acmeKeys},
		{"deployment", deploymentKeys}, {"secrets", secretsKeys},
	} {
		if parent, ok := settings[below.name]; ok {
			for name, s := range l.mapping(parent, below.keys) {
				settings[below.name+"."+name] = s
			}
		}
	}
	return settings, from.dir, nil
}

// parse reads one YAML document and returns its content, or nil if it is empty
// or cannot be read, which is then recorded.
func (l *loader) parse(from origin, text []byte) *yaml.Node {
	found := len(l.problems.list)
	defer func() { l.unread = l.unread || len(l.problems.list) > found }()
	at := setting{origin: from}
	if len(text) > maxDocument {
		l.problemf(at, "longer than %d bytes, which is the most that is read", maxDocument)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if !errors.Is(err, io.EOF) {
			l.syntaxError(at, err)
		}
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		at.node = &second
		l.problemf(at, "a second YAML document begins here; only one is allowed")
		return nil
	case !errors.Is(err, io.EOF):
		l.syntaxError(at, err)
		return nil
	}
	root := document.Content[0]
	if alias := findAlias(root); alias != nil {
		at.node = alias
		l.problemf(at, "YAML anchors (&name) and aliases (*name) are not allowed; write the value out, and put text that "+
			"begins with & or * in quotes")
		return nil
	}
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	return root
}

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// syntaxError records an error of the YAML parser.
func (l *loader) syntaxError(at setting, err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if match := yamlLine.FindStringSubmatch(text); match != nil {
		line, _ := strconv.Atoi(match[1])
		at.node = &yaml.Node{Line: line}
		text = text[len(match[0]):]
	}
	// This message repeats what follows an asterisk, which may be a secret that
	// was left without quotes.
	if strings.Contains(text, "anchor") {
		text = "aliases (*name) are not allowed; put text that begins with * in quotes"
	}
	l.problemf(at, "not valid YAML: %s", text)
}

func findAlias(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return node
	}
	for _, child := range node.Content {
		if found := findAlias(child); found != nil {
			return found
		}
	}
	return nil
}

// mapping returns the values of a mapping by key. Unknown and repeated keys are
// recorded and left out.
func (l *loader) mapping(s setting, known []string) map[string]setting {
	values := map[string]setting{}
	if s.node.Kind != yaml.MappingNode {
		l.problemf(s, "must be a mapping with the keys %s", strings.Join(known, ", "))
		return values
	}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		name, value := s.node.Content[i], s.node.Content[i+1]
		first, repeated := values[name.Value]
		switch {
		case name.Kind != yaml.ScalarNode || !slices.Contains(known, name.Value):
			l.problemf(s.child(s.path, name), "unknown key %s%s (allowed: %s)", abridged(name.Value),
				didYouMean(name.Value, known), strings.Join(known, ", "))
		case repeated:
			l.problemf(s.key(name.Value, name), "given twice, before in line %d; keep one", first.node.Line)
		default:
			values[name.Value] = s.key(name.Value, value)
		}
	}
	return values
}

// sequence returns the items of a list, or records that s is none.
func (l *loader) sequence(s setting, of string) []setting {
	if s.node.Kind != yaml.SequenceNode || len(s.node.Content) == 0 {
		l.problemf(s, "must be a list of at least one %s", of)
		return nil
	}
	items := make([]setting, 0, len(s.node.Content))
	for i, node := range s.node.Content {
		items = append(items, s.child(fmt.Sprintf("%s[%d]", s.path, i), node))
	}
	return items
}

// text returns a value that is text, or records that s is none. allowed
// describes the values that the key takes.
func (l *loader) text(s setting, allowed string) (string, bool) {
	switch {
	case s.node.Kind != yaml.ScalarNode:
		l.problemf(s, "must be text, not a list or a mapping; allowed: %s", allowed)
	case s.node.Tag == "!!null" || s.node.Tag == "!!str" && s.node.Value == "":
		l.problemf(s, "has no value; allowed: %s", allowed)
	case s.node.Tag != "!!str":
		l.problemf(s, "must be text: put it in quotes; allowed: %s", allowed)
	default:
		return s.node.Value, true
	}
	return "", false
}
