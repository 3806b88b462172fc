package lifecycle

// Policy is a lifecycle policy that was parsed: Parse makes it.
type Policy struct {
	Rules []Rule // in ascending order of their priorities
}

// Rule is one of a policy's rules. Its fields are those of the text, with
// nothing added: what the text leaves out is zero.
type Rule struct {
	Priority    int // ECR's rulePriority: the lower number goes before
	Description *string
	Selection   Selection
	Action      Action
	Twinport    Twinport
}

// Selection says which images a rule is about, and which of them it acts on.
type Selection struct {
	TagStatus TagStatus
	// Of the two lists a tagged selection has one, and the others have none. An
	// image must have a tag for each entry; one tag may do for several.
	TagPatterns  []string
	TagPrefixes  []string
	StorageClass StorageClass // "" means Standard
	CountType    CountType
	CountNumber  int // of images or, with one of the since types, of days
}

// Class is the storage class whose images the selection is about.
func (s *Selection) Class() StorageClass {
	if s.StorageClass == "" {
		return Standard
	}
	return s.StorageClass
}

// Twinport is what a rule says beyond ECR, in a member of its own, "twinport". A
// text without it is ECR's. Whatever it says keeps images that the rule would
// act on without it; it makes no rule act on others.
//
// It says nothing of what is deployed, which is known by its pulls only, nor of
// pulls from a destination: other deployments do not tell them, and to keep an
// image for them would tell its owner what another account pulls.
type Twinport struct {
	// Unsigned makes the rule one about images that have no signature. Signed
	// images are out of its scope, so other rules may be about them.
	Unsigned bool
	// SinceTagged keeps an image for so many days after it last got a tag, any
	// tag: an image may be promoted long after it was pushed. 0 keeps none.
	SinceTagged int
	// SincePulled keeps an image for so many days after it was last pulled from
	// this repository. ECR's own sinceImagePulled cannot expire. 0 keeps none.
	SincePulled int
}

// TagStatus is which images a selection is about, by their tags.
type TagStatus string

// The tag statuses, as texts have them.
const (
	Tagged   TagStatus = "tagged"
	Untagged TagStatus = "untagged"
	Any      TagStatus = "any"
)

// StorageClass is where ECR keeps an image.
type StorageClass string

// The storage classes, as texts have them.
const (
	Standard StorageClass = "standard"
	Archive  StorageClass = "archive"
)

// CountType is how a selection counts.
type CountType string

// The count types, as texts have them.
const (
	ImageCountMoreThan     CountType = "imageCountMoreThan"
	SinceImagePushed       CountType = "sinceImagePushed"
	SinceImagePulled       CountType = "sinceImagePulled"
	SinceImageTransitioned CountType = "sinceImageTransitioned"
)

// Action is what is done to an image.
type Action string

// The actions, as texts have them.
const (
	Expire     Action = "expire"     // deletes it with all its tags
	Transition Action = "transition" // moves it to the archive
)
