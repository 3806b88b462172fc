// Package lifecycle has the language of ECR's lifecycle policies and decides
// what a policy does to the images of a repository. It knows no store: who uses
// it lists images (Images) and acts on what it marks.
//
// # How a policy is evaluated
//
// ECR evaluates all rules at the same time, each on all images. An image that
// is in the scope of a rule, which is what its tags and storage class say, is
// out of reach of all rules that come later, whether or not that rule marks it
// (the ECR User Guide's "How lifecycle policies work"). Two things follow.
//
// Which rule may act on an image depends on that image alone: it is the first
// whose scope it is in. So nothing has to be remembered of what earlier rules
// took.
//
// And each rule marks the images of its scope that are older than some point in
// the order of pushes. Of one that counts days that point is a time; of one that
// counts images it is the last image that the rule keeps, counted from the
// newest of its scope on, whatever other rules do to these.
//
// So a policy becomes a Plan: a point for each rule, at most MaxRules. A Plan is
// completed by looking at the newest images, until each rule has counted what it
// keeps; then the images that are older than the newest of the points are gone
// through, the oldest first, and each is decided on alone. Both read one range of
// an index on (push, digest), in pages, and leave to the store to narrow it to
// the tags that matter. The newest images, of which most repositories mostly
// consist once a policy has run, are not looked at twice, and memory is bounded
// by a page.
//
// # Preview and run
//
// Both are a Plan and its marks. What is deleted is older than what rules keep,
// so deletions by a run do not move the points of its plan, and a run that was
// interrupted may make a new one and go on. Since the decision on an image needs
// nothing but the image, who is about to act on a mark reads the image once more,
// under the lock of its repository, and asks the same plan again (Plan.Decide): a
// tag that it got meanwhile, or an index that names it now, is not overlooked.
//
// A run should find all marks before it acts on the first, as a preview does: to
// delete an index makes ordinary images of those that it names, and these are a
// matter of the next run.
//
// # What belongs together
//
// An image that an index of the repository names is in no scope, so it is neither
// counted nor marked, as long as the index is there (for the archive: as long as
// one of its indexes is not archived itself). A referrer whose subject is there is
// in no scope either: it goes with its subject, which who acts on marks sees to.
// Both keep more than a reading by which they are counted would.
package lifecycle
