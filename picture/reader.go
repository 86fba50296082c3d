package picture

import (
	"image"
	"math"

	"github.com/kernelet/kernelet/lenet"
)

// Reader reads digits in pictures with a classifier. It is safe for concurrent
// use.
type Reader struct {
	classifier *lenet.Classifier
}

// NewReader returns a Reader that reads with classifier.
func NewReader(classifier *lenet.Classifier) *Reader { return &Reader{classifier} }

// sure is the probability from which no other view of a picture is tried.
const sure = 0.9

// Digit is a digit found in a picture.
type Digit struct {
	lenet.Prediction
	Box   image.Rectangle   // in the picture
	Image [side * side]byte // what was read
}

// Digit reads a picture of one digit.
func (r *Reader) Digit(picture image.Image) (Digit, error) {
	w := borrow()
	defer giveBack(w)
	if err := w.load(picture); err != nil {
		return Digit{}, err
	}
	var best Digit
	found := false
	most, thick := float32(0), [2]bool{}
	likeliest, rejection := float32(0), float32(0) // of the view that would count without rejection scores
	for i, v := range w.views() {
		ink := 0
		if v.light {
			ink = 1
		}
		if v.backdrop == closeBackdrop && thick[ink] || !w.see(v) {
			continue
		}
		thick[ink] = thick[ink] || w.renderer.stroke > 4
		if v.last && found && w.renderer.stroke > thickest {
			continue // a blob: the paper inside of the digit, or beside it
		}
		p := r.classify(w)
		score := p.Probability
		if w.touches {
			score *= 0.75
		} else if v.last {
			score *= 0.7
		} else if i > 2 {
			score *= 0.95
		}
		// The edge of a shadow or of the sheet reaches the picture's sides.
		score *= [...]float32{1, 0.8, 0.6, 0.6, 0.6}[w.sides]
		if !found || score > likeliest {
			likeliest, rejection = score, p.Rejection
		}
		// The rejection score is the logarithm of odds. A view near the threshold is
		// more likely a digit's than not.
		score *= 1 - 0.75/(1+float32(math.Exp(-float64(p.Rejection-0.5))))
		if !found || score > most {
			best, most = Digit{Prediction: p, Box: w.shown(w.box), Image: w.prepared}, score
		}
		found = true
		if (p.Probability >= sure || w.ruled) && !w.touches && w.sides == 0 {
			break
		}
	}
	if !found {
		return Digit{}, w.blank(picture)
	}
	// The one of several views that is most like a digit says little about whether
	// there is one.
	best.Rejection = max(best.Rejection, rejection)
	return best, nil
}

// shown returns where the picture has a part of what w looks at.
func (w *workspace) shown(part image.Rectangle) image.Rectangle {
	up := image.Pt(w.enlarged-1, w.enlarged-1)
	least, most := part.Min.Mul(w.factor).Div(w.enlarged), part.Max.Mul(w.factor).Add(up).Div(w.enlarged)
	return image.Rectangle{Min: least.Add(w.part.Min), Max: most.Add(w.part.Min)}.Intersect(w.part)
}

// classify reads what w prepared.
func (r *Reader) classify(w *workspace) lenet.Prediction {
	return r.classifier.ClassifyUncalibrated(&w.prepared)
}
