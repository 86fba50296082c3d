package mnist

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// role is what images are for.
type role int

const (
	noRole role = iota
	trainRole
	testRole
	validationRole
)

// rolePattern matches what says in a name what images are for: x_train, t10k,
// testing, val.
var rolePattern = regexp.MustCompile(`(?:^|[^a-z])[xy]?(?:(train|test|t10k)|(?:val|valid|validation)(?:[^a-z]|$))`)

// roleOf returns what a path's last telling component says.
func roleOf(name string) role {
	components := strings.Split(strings.ToLower(name), "/")
	for _, component := range slices.Backward(components) {
		match := rolePattern.FindStringSubmatch(component)
		switch {
		case match == nil:
			continue
		case match[1] == "train":
			return trainRole
		case match[1] != "":
			return testRole
		default:
			return validationRole
		}
	}
	return noRole
}

// emnistPattern matches the names of EMNIST's files, which say the part.
var emnistPattern = regexp.MustCompile(`(?i)emnist-([a-z]+)-`)

// emnistPart returns the part of EMNIST that a file belongs to, or nothing.
func emnistPart(name string) string {
	if match := emnistPattern.FindStringSubmatch(path.Base(name)); match != nil {
		return strings.ToLower(match[1])
	}
	return ""
}

// assemble puts parts together to sets.
func (f findings) assemble() (*Dataset, error) {
	parts := f.parts
	pictures := map[role][]*pictureFile{}
	for _, p := range f.pictures {
		// Pictures are told by their folders alone: their own names are many.
		r := roleOf(path.Dir(p.name))
		pictures[r] = append(pictures[r], p)
	}
	byRole := map[role][]part{}
	for r, list := range pictures {
		p, err := picturePart(list)
		if err != nil {
			return nil, err
		}
		byRole[r] = append(byRole[r], p)
	}
	for _, p := range parts {
		byRole[roleOf(p.name)] = append(byRole[roleOf(p.name)], p)
	}
	d := new(Dataset)
	if len(byRole) == 1 && byRole[noRole] != nil {
		byRole = spread(byRole[noRole])
	}
	for r, target := range map[role]*Set{trainRole: &d.Train, testRole: &d.Test, validationRole: &d.Test} {
		if r == validationRole && byRole[testRole] != nil || byRole[r] == nil {
			continue
		}
		set, notes, err := join(byRole[r])
		if err != nil {
			return nil, err
		}
		*target = set
		d.note(notes...)
	}
	if d.Train.Len() == 0 && d.Test.Len() == 0 {
		return nil, f.errNothing()
	}
	if byRole[validationRole] != nil {
		if byRole[testRole] != nil {
			d.note("images of validation were left out, since there are test images")
		} else {
			d.note("images of validation are taken for the test images")
		}
	}
	for _, p := range byRole[noRole] {
		d.note(p.name + " was left out: its name does not say whether it is for training or testing")
	}
	slices.Sort(d.Notes)
	return d, nil
}

// note adds notes that are not there yet.
func (d *Dataset) note(notes ...string) {
	for _, n := range notes {
		if !slices.Contains(d.Notes, n) {
			d.Notes = append(d.Notes, n)
		}
	}
}

// spread gives roles to parts whose names tell none: all are for training, but
// where images and labels are apart, as in NumPy's arr_0, arr_1, …, a second
// pair is for testing. The names say the order, whatever an archive's is.
func spread(parts []part) map[role][]part {
	slices.SortStableFunc(parts, func(a, b part) int { return naturally(a.name, b.name) })
	var images, labels []part
	for _, p := range parts {
		switch {
		case p.images == nil:
			labels = append(labels, p)
		case p.labels == nil:
			images = append(images, p)
		default:
			return map[role][]part{trainRole: parts}
		}
	}
	if len(images) != 2 {
		return map[role][]part{trainRole: parts}
	}
	roles := map[role][]part{}
	for i, r := range []role{trainRole, testRole} {
		roles[r] = []part{images[i]}
		fits := func(l part) bool { return len(l.labels) == len(images[i].images)/ImageBytes }
		if at := slices.IndexFunc(labels, fits); at >= 0 {
			roles[r] = append(roles[r], labels[at])
			labels = slices.Delete(labels, at, at+1)
		}
	}
	if len(labels) > 0 {
		roles[noRole] = labels
	}
	return roles
}

// join makes one set of all parts of one role.
func join(parts []part) (Set, []string, error) {
	slices.SortStableFunc(parts, func(a, b part) int { return naturally(a.name, b.name) })
	var set Set
	var notes []string
	var images, labels []part
	whole := 0
	for _, p := range parts {
		switch {
		case p.images == nil:
			labels = append(labels, p)
		case p.labels == nil:
			images = append(images, p)
		default:
			whole++
		}
	}
	if whole > 0 && len(images) > 0 {
		return set, nil, fmt.Errorf("%w: %s has labels and %s has none: give one of them", ErrFormat, names(parts), names(images))
	}
	if whole > 0 { // labels beside images that have theirs are of something else
		for _, p := range parts {
			if p.images != nil {
				set.Images, set.Labels = append(set.Images, p.images...), append(set.Labels, p.labels...)
				notes = append(notes, p.notes...)
			}
		}
		if set.Len() > maxItems {
			return set, nil, fmt.Errorf("%w: expected at most %d images, got %d", ErrFormat, maxItems, set.Len())
		}
		return set, notes, nil
	}
	if len(images) > 1 || len(labels) > 1 {
		return set, nil, fmt.Errorf("%w: expected one file of images and one of labels, got %s: give one of the files of images, or a folder of its own", ErrFormat, names(parts))
	}
	if len(images) == 0 {
		return set, nil, fmt.Errorf("%w: %s: labels without images", ErrFormat, names(labels))
	}
	set.Images, notes = images[0].images, append(notes, images[0].notes...)
	if len(labels) == 1 {
		set.Labels = labels[0].labels
		if len(set.Labels) != set.Len() {
			return set, nil, fmt.Errorf("%w: %s: expected as many images as labels, got %d and %d", ErrFormat, names(parts), set.Len(), len(set.Labels))
		}
	}
	return set, notes, nil
}

func names(parts []part) string {
	var list []string
	for _, p := range parts {
		list = append(list, p.name)
	}
	return listed(list)
}

// idxPattern takes the name of an IDX file apart: what stands before train or
// t10k, and whether there are images in it.
var idxPattern = regexp.MustCompile(`(?i)^(.*?)(train|t10k|test)([^/]*)(images|labels)[-._]idx[123]-(?:ubyte|int)(?:\.gz)?$`)

// idxSiblings returns the files that belong to an IDX file of images: it, and
// those of the same folder whose names begin the same. Of what is there twice, it
// goes before its twin, and the plain before the compressed.
func idxSiblings(file string) []entry {
	named := filepath.Base(file)
	match := idxPattern.FindStringSubmatch(named)
	if match == nil || !strings.EqualFold(match[4], "images") {
		return nil
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		return nil
	}
	var sources []entry
	for _, e := range entries {
		other := idxPattern.FindStringSubmatch(e.Name())
		if other == nil || other[1] != match[1] || e.IsDir() {
			continue
		}
		plain, compressed := strings.CutSuffix(e.Name(), ".gz")
		twice := compressed && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == plain })
		if e.Name() != named && (twice || e.Name()+".gz" == named) {
			continue
		}
		sources = append(sources, fileSource(filepath.Join(filepath.Dir(file), e.Name()), e.Name()))
	}
	return sources
}
