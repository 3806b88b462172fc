package config

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const variablePrefix = "TWINPORT_"

// variables maps each variable to the key that it stands for.
var variables = map[string]string{
	"TWINPORT_LISTEN":                 "listen",
	"TWINPORT_METRICS":                "metrics",
	"TWINPORT_DOMAIN":                 "domain",
	"TWINPORT_PUBLIC_PORT":            "public_port",
	"TWINPORT_URI":                    "uri",
	"TWINPORT_DATA":                   "data",
	"TWINPORT_DATABASE":               "database",
	"TWINPORT_BLOBS":                  "blobs",
	"TWINPORT_SWEEP_INTERVAL":         "sweep.interval",
	"TWINPORT_SWEEP_GRACE":            "sweep.grace",
	"TWINPORT_LIFECYCLE_INTERVAL":     "lifecycle.interval",
	"TWINPORT_REGIONS":                "regions",
	"TWINPORT_TLS_CERT":               "tls.cert",
	"TWINPORT_TLS_KEY":                "tls.key",
	"TWINPORT_TLS_ACME_DOMAINS":       "tls.acme.domains",
	"TWINPORT_TLS_ACME_EMAIL":         "tls.acme.email",
	"TWINPORT_TLS_ACME_DIRECTORY":     "tls.acme.directory",
	"TWINPORT_TLS_ACME_CACHE":         "tls.acme.cache",
	"TWINPORT_TLS_ACME_CA":            "tls.acme.ca",
	"TWINPORT_TRUSTED_PROXIES":        "trusted_proxies",
	"TWINPORT_QUOTAS":                 "quotas",
	"TWINPORT_SECRETS_KEY_FILE":       "secrets.key_file",
	masterKeyVariable:                 masterKey,
	"TWINPORT_ACCOUNTS":               "accounts",
	"TWINPORT_OPERATORS":              "operators",
	"TWINPORT_DEPLOYMENT_NAME":        "deployment.name",
	"TWINPORT_DEPLOYMENT_URL":         "deployment.url",
	"TWINPORT_DEPLOYMENT_ALLOW_PLAIN": "deployment.allow_plain",
	"TWINPORT_PEERS":                  "peers",
}

func parseEnviron(environ []string) map[string]string {
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	return values
}

// readEnvironment puts the values of variables in the place of those of the file.
func (l *loader) readEnvironment(settings map[string]setting) {
	for name, key := range variables {
		text := l.environ[name]
		if text == "" {
			continue
		}
		from := origin{source: name, variable: true}
		var node *yaml.Node
		switch key {
		case "accounts", "quotas", "peers":
			if node = l.parse(from, []byte(text)); node == nil {
				// Those of the file must not stand in for ones that were meant
				// to replace them.
				delete(settings, key)
				continue
			}
		case "regions", "tls.acme.domains", "trusted_proxies", "operators":
			node = &yaml.Node{Kind: yaml.SequenceNode}
			for item := range strings.SplitSeq(text, ",") {
				node.Content = append(node.Content, textNode(strings.TrimSpace(item)))
			}
		case "public_port":
			node = textNode(text)
			node.Tag = "!!int"
		case "deployment.allow_plain":
			node = textNode(text)
			node.Tag = "!!bool"
		default:
			node = textNode(text)
		}
		settings[key] = setting{origin: from, node: node, path: key}
	}
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// refuseUnknownVariables records variables that begin like ours but are not,
// and are not named by a secret_env either.
func (l *loader) refuseUnknownVariables() {
	known := slices.Sorted(maps.Keys(variables))
	for name := range l.environ {
		if _, ok := variables[name]; ok || !strings.HasPrefix(name, variablePrefix) || l.referenced[name] {
			continue
		}
		l.problemf(setting{origin: origin{source: name, variable: true}}, "unknown variable%s (allowed: %s)",
			didYouMean(name, known), strings.Join(known, ", "))
	}
}
