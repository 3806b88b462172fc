package lifecycle

import "slices"

// The schema level of a policy, in the words of the library that ECR validates
// with (java-json-tools/json-schema-validator).

var (
	ruleMembers      = []string{"rulePriority", "description", "selection", "action", "twinport"}
	selectionMembers = []string{
		"tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber",
	}
	actionMembers   = []string{"type", "targetStorageClass"}
	twinportMembers = []string{"unsigned", "sinceTagged", "sincePulled"}

	tagStatuses    = []string{string(Tagged), string(Untagged), string(Any)}
	storageClasses = []string{string(Standard), string(Archive)}
	countUnits     = []string{"days"}
)

func (p *parser) schema() error {
	if err := p.object(p.root, "", []string{"rules"}, []string{"rules"}); err != nil {
		return err
	}
	rules := p.root.get("rules")
	if err := p.typed(rules, "rules", "array"); err != nil {
		return err
	}
	switch n := len(rules.items); {
	case n == 0:
		return p.breaks(rules, "rules", "array is too short: must have at least 1 elements but instance has 0 elements")
	case n > MaxRules:
		return p.breaks(rules, "rules", "array is too long: must have at most %d elements but instance has %d elements",
			MaxRules, n)
	}
	for i := range rules.items {
		if err := p.rule(&rules.items[i], rulePath(i)); err != nil {
			return err
		}
		p.rules = append(p.rules, &rules.items[i])
	}
	return nil
}

func (p *parser) rule(n *node, path string) error {
	if err := p.object(n, path, []string{"action", "rulePriority", "selection"}, ruleMembers); err != nil {
		return err
	}
	if err := p.positive(n.get("rulePriority"), path+".rulePriority"); err != nil {
		return err
	}
	if d := n.get("description"); d != nil {
		if err := p.typed(d, path+".description", "string"); err != nil {
			return err
		}
	}
	if err := p.selection(n.get("selection"), path+".selection"); err != nil {
		return err
	}
	if err := p.action(n.get("action"), path+".action"); err != nil {
		return err
	}
	if t := n.get("twinport"); t != nil {
		return p.twinport(t, path+".twinport")
	}
	return nil
}

func (p *parser) selection(n *node, path string) error {
	if err := p.object(n, path, []string{"countNumber", "countType", "tagStatus"}, selectionMembers); err != nil {
		return err
	}
	// Null is a value, and fits no form of a selection.
	for i := range n.members {
		if m := &n.members[i]; m.value.primitive() == "null" && m.name != "tagStatus" && m.name != "countNumber" {
			return p.breaks(n, path, noForm, 4)
		}
	}
	if err := p.oneOf(n.get("tagStatus"), path+".tagStatus", tagStatuses); err != nil {
		return err
	}
	for _, list := range []string{"tagPatternList", "tagPrefixList"} {
		if err := p.strings(n.get(list), path+"."+list); err != nil {
			return err
		}
	}
	if err := p.oneOf(n.get("storageClass"), path+".storageClass", storageClasses); err != nil {
		return err
	}
	if err := p.oneOf(n.get("countUnit"), path+".countUnit", countUnits); err != nil {
		return err
	}
	if err := p.positive(n.get("countNumber"), path+".countNumber"); err != nil {
		return err
	}
	class, unit := n.get("storageClass"), n.get("countUnit") != nil
	fits := false
	switch t := n.get("countType"); {
	case t.primitive() != "string":
	case t.text == string(ImageCountMoreThan):
		fits = !unit
	case t.text == string(SinceImagePushed), t.text == string(SinceImagePulled):
		fits = unit
	case t.text == string(SinceImageTransitioned):
		fits = unit && class != nil && class.text == string(Archive)
	}
	if !fits {
		return p.breaks(n, path, noForm, 4)
	}
	return nil
}

const noForm = "instance failed to match exactly one schema (matched 0 out of %d)"

func (p *parser) action(n *node, path string) error {
	if err := p.object(n, path, []string{"type"}, actionMembers); err != nil {
		return err
	}
	kind, target := n.get("type"), n.get("targetStorageClass")
	fits := false
	switch {
	case kind.primitive() != "string":
	case kind.text == string(Expire):
		fits = target == nil
	case kind.text == string(Transition): // one without a target fails later
		fits = target == nil || target.primitive() == "string" && target.text == string(Archive)
	}
	if !fits {
		return p.breaks(n, path, noForm, 2)
	}
	return nil
}

func (p *parser) twinport(n *node, path string) error {
	if err := p.object(n, path, nil, twinportMembers); err != nil {
		return err
	}
	if len(n.members) == 0 {
		return p.breaks(n, path, "object has too few properties (found 0 but schema requires at least 1)")
	}
	if u := n.get("unsigned"); u != nil && (u.primitive() != "boolean" || u.text != "true") {
		return p.breaks(u, path+".unsigned", notInEnum, u, "[true]")
	}
	for _, days := range []string{"sinceTagged", "sincePulled"} {
		if d := n.get(days); d != nil {
			if err := p.positive(d, path+"."+days); err != nil {
				return err
			}
		}
	}
	return nil
}

const notInEnum = "instance value (%s) not found in enum (possible values: %s)"

// typed refuses a value of another type.
func (p *parser) typed(n *node, path, want string) error {
	if n.primitive() != want {
		return p.breaks(n, path, "instance type (%s) does not match any allowed primitive type (allowed: [%q])",
			n.primitive(), want)
	}
	return nil
}

// object refuses what is no object, lacks a required member, or has others than
// the allowed ones. required is sorted.
func (p *parser) object(n *node, path string, required, allowed []string) error {
	if err := p.typed(n, path, "object"); err != nil {
		return err
	}
	var missing, unknown []string
	for _, name := range required {
		if n.get(name) == nil {
			missing = append(missing, name)
		}
	}
	for _, m := range n.members {
		if !slices.Contains(allowed, m.name) {
			unknown = append(unknown, m.name)
		}
	}
	if len(missing) > 0 {
		return p.breaks(n, path, "object has missing required properties (%s)", names(missing))
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return p.breaks(n, path, "object instance has properties which are not allowed by the schema: %s",
			names(unknown))
	}
	return nil
}

// positive refuses what is no whole number from 1 on.
func (p *parser) positive(n *node, path string) error {
	if err := p.typed(n, path, "integer"); err != nil {
		return err
	}
	if n.text[0] == '-' || n.text == "0" {
		return p.breaks(n, path, "numeric instance is lower than the required minimum (minimum: 1, found: %s)",
			short(n.text))
	}
	return nil
}

// oneOf refuses a value that is none of the texts; n may be nil.
func (p *parser) oneOf(n *node, path string, values []string) error {
	if n == nil || n.primitive() == "string" && slices.Contains(values, n.text) {
		return nil
	}
	return p.breaks(n, path, notInEnum, n, names(values))
}

// strings refuses what is no list of strings, or has an empty one; n may be nil.
func (p *parser) strings(n *node, path string) error {
	if n == nil {
		return nil
	}
	if err := p.typed(n, path, "array"); err != nil {
		return err
	}
	for i := range n.items {
		item := &n.items[i]
		if err := p.typed(item, path, "string"); err != nil {
			return err
		}
		if item.text == "" {
			return p.breaks(item, path, `string "" is too short (length: 0, required minimum: 1)`)
		}
	}
	return nil
}
