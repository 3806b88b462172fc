package policy

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// family is a kind of operator by what it compares.
type family int

const (
	stringEquals family = iota
	stringEqualsIgnoreCase
	stringLike
	arnLike
	numeric
	date
	boolean
	binary
	ipAddress
	null
)

// operator is a condition operator without its prefix and suffix.
type operator struct {
	family  family
	accepts func(order int) bool // for numeric and date: of the sign of value minus operand
	negated bool
}

func equal(order int) bool          { return order == 0 }
func less(order int) bool           { return order < 0 }
func lessOrEqual(order int) bool    { return order <= 0 }
func greater(order int) bool        { return order > 0 }
func greaterOrEqual(order int) bool { return order >= 0 }

var operators = map[string]operator{
	"StringEquals":              {family: stringEquals},
	"StringNotEquals":           {family: stringEquals, negated: true},
	"StringEqualsIgnoreCase":    {family: stringEqualsIgnoreCase},
	"StringNotEqualsIgnoreCase": {family: stringEqualsIgnoreCase, negated: true},
	"StringLike":                {family: stringLike},
	"StringNotLike":             {family: stringLike, negated: true},
	"NumericEquals":             {family: numeric, accepts: equal},
	"NumericNotEquals":          {family: numeric, accepts: equal, negated: true},
	"NumericLessThan":           {family: numeric, accepts: less},
	"NumericLessThanEquals":     {family: numeric, accepts: lessOrEqual},
	"NumericGreaterThan":        {family: numeric, accepts: greater},
	"NumericGreaterThanEquals":  {family: numeric, accepts: greaterOrEqual},
	"DateEquals":                {family: date, accepts: equal},
	"DateNotEquals":             {family: date, accepts: equal, negated: true},
	"DateLessThan":              {family: date, accepts: less},
	"DateLessThanEquals":        {family: date, accepts: lessOrEqual},
	"DateGreaterThan":           {family: date, accepts: greater},
	"DateGreaterThanEquals":     {family: date, accepts: greaterOrEqual},
	"Bool":                      {family: boolean},
	"BinaryEquals":              {family: binary},
	"IpAddress":                 {family: ipAddress},
	"NotIpAddress":              {family: ipAddress, negated: true},
	"ArnEquals":                 {family: arnLike}, // IAM: the same as ArnLike
	"ArnLike":                   {family: arnLike},
	"ArnNotEquals":              {family: arnLike, negated: true},
	"ArnNotLike":                {family: arnLike, negated: true},
	"Null":                      {family: null},
}

// quantifier is the prefix for keys with several values.
type quantifier int

const (
	plain quantifier = iota
	forAnyValue
	forAllValues
	// ofEach and ofAny are what plain means for imageTag, see quantify.
	ofEach
	ofAny
)

// imageTag is Twinport's own key. Its values are the image tags that a request is
// about, all of which it does the same to.
const imageTag = "twinport:imagetag"

// quantify makes a plain operator on the tags of images hold for each of them in
// an Allow, and for any of them in a Deny. As plain operators are, a request for
// what is allowed could take along what is not.
func (c *condition) quantify(effect Effect) {
	switch {
	case c.key.folded != imageTag || c.quantifier != plain:
	case effect == Allow:
		c.quantifier = ofEach
	default:
		c.quantifier = ofAny
	}
}

// condition is one operator applied to one key.
type condition struct {
	name string // of the operator, in full
	operator
	quantifier quantifier
	ifExists   bool
	key        key
	operands   []operand
}

// operand is one of the values that a key is compared to. Which field holds it
// depends on the operator's family.
type operand struct {
	template template // strings and booleans
	arn      *arnPattern
	number   float64
	time     time.Time
	bytes    string
	network  netip.Prefix
	absent   bool // Null: whether the key must be
}

func newCondition(name string) (condition, error) {
	c := condition{name: name}
	base := name
	if s, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		base, c.quantifier = s, forAnyValue
	} else if s, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		base, c.quantifier = s, forAllValues
	}
	base, c.ifExists = strings.CutSuffix(base, "IfExists")
	op, ok := operators[base]
	if !ok {
		for known := range operators {
			if strings.EqualFold(known, base) {
				return c, fmt.Errorf("%s is not a condition operator; write %s, case matters", quote(name), known)
			}
		}
		return c, fmt.Errorf("%s is not a condition operator; allowed are String…, Numeric…, Date…, Arn…, Bool, "+
			"BinaryEquals, IpAddress, NotIpAddress and Null, with prefix ForAnyValue: or ForAllValues: and suffix IfExists",
			quote(name))
	}
	if op.family == null && (c.ifExists || c.quantifier != plain) {
		return c, errors.New("the operator Null asks whether a key exists; it takes no prefix and no IfExists")
	}
	c.operator = op
	return c, nil
}

// newOperand compiles a value. Only strings, ARNs and booleans may have
// variables.
func (c *condition) newOperand(s string, variables bool) (o operand, err error) {
	switch c.family {
	case stringEquals, stringEqualsIgnoreCase:
		o.template, err = newTemplate(s, syntax{variables: variables})
	case stringLike:
		o.template, err = newTemplate(s, syntax{variables: variables, wildcards: true})
	case arnLike:
		o.arn, err = newARNPattern(s, variables)
	case numeric:
		o.number, err = parseNumber(s)
	case date:
		o.time, err = parseTime(s)
	case boolean:
		o.template, err = newTemplate(s, syntax{variables: variables})
		if err == nil && o.template.parts == nil {
			_, err = parseBool(s)
		}
	case binary:
		o.bytes, err = parseBinary(s)
	case ipAddress:
		o.network, err = parseNetwork(s)
	case null:
		o.absent, err = parseBool(s)
	}
	return o, err
}

// holds evaluates the condition. Without the key, an ordinary operator does
// not match, so a negated one does; IfExists and ForAllValues hold, and
// ForAnyValue does not. Without a quantifier, a key with several values
// matches if one of them does.
func (c *condition) holds(ev *evaluation) bool {
	var room [1]string
	values := ev.values(&c.key, &room)
	if c.family == null {
		absent := empty(values)
		for i := range c.operands {
			if c.operands[i].absent == absent {
				return true
			}
		}
		return false
	}
	if len(values) == 0 {
		switch {
		case c.ifExists, c.quantifier == forAllValues:
			return true
		case c.quantifier == forAnyValue:
			return false
		}
		return c.negated
	}
	switch c.quantifier {
	case forAllValues, ofEach:
		if c.quantifier == forAllValues && empty(values) {
			return true
		}
		for _, v := range values {
			if c.matches(ev, v) == c.negated {
				return false
			}
		}
		return true
	case forAnyValue, ofAny:
		for _, v := range values {
			if c.matches(ev, v) != c.negated {
				return true
			}
		}
		return false
	}
	for _, v := range values {
		if c.matches(ev, v) {
			return !c.negated
		}
	}
	return c.negated
}

// empty reports whether values are what IAM calls a null dataset.
func empty(values []string) bool {
	for _, v := range values {
		if v != "" {
			return false
		}
	}
	return true
}

// matches reports whether a value of the key matches one of the operands,
// leaving negation aside. A value of another type than the operator's matches
// none, and neither does an operand with a variable that has no value.
func (c *condition) matches(ev *evaluation, value string) bool {
	if len(value) > maxValue {
		ev.exhaust()
	}
	if !ev.spend(len(c.operands)) || !ev.scan(len(value)) {
		return false
	}
	switch c.family {
	case stringEquals, stringEqualsIgnoreCase, stringLike, boolean:
		for i := range c.operands {
			if s, resolved := c.operands[i].template.expand(ev); resolved && c.family.matchesText(s, value, &ev.budget) {
				return true
			}
		}
	case arnLike:
		parts, ok := splitARN(value)
		for i := range c.operands {
			if c.operands[i].arn.match(ev, &parts, ok) {
				return true
			}
		}
	case numeric:
		n, err := parseNumber(value)
		for i := range c.operands {
			if err == nil && c.accepts(cmp.Compare(n, c.operands[i].number)) {
				return true
			}
		}
	case date:
		t, err := parseTime(value)
		for i := range c.operands {
			if err == nil && c.accepts(t.Compare(c.operands[i].time)) {
				return true
			}
		}
	case binary:
		b, err := parseBinary(value)
		for i := range c.operands {
			if err == nil && b == c.operands[i].bytes {
				return true
			}
		}
	case ipAddress:
		a, err := netip.ParseAddr(value)
		a = a.Unmap().WithZone("")
		for i := range c.operands {
			if err == nil && c.operands[i].network.Contains(a) {
				return true
			}
		}
	}
	return false
}

func (f family) matchesText(operand, value string, b *budget) bool {
	switch f {
	case stringEquals:
		return operand == value
	case stringLike:
		return glob(operand, value, b)
	case boolean: // a variable may stand for something else
		_, err := parseBool(value)
		return err == nil && strings.EqualFold(operand, value)
	default:
		return b.scan(bytesPerStep*len(value)) && strings.EqualFold(operand, value)
	}
}
