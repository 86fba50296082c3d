// Package shape holds the sizes of the network and the layouts of its arrays,
// which the generator and the kernels share. Shapes in comments name features;
// every value of an activation stands for a line, the same value of all images
// side by side.
package shape

// Images side by side in a line.
const (
	HalfBlock = 8
	Block     = 16

	// MaxImages is the number of images of a batch that are worked on together.
	MaxImages = 128
)

// Sizes of the network.
const (
	ImageSize   = 28 // pixels in a row and in a column
	ImagePixels = ImageSize * ImageSize
	FilterSize  = 5 // taps in a row and in a column of both convolutions
	Taps        = FilterSize * FilterSize

	Conv1Outputs = 20
	Conv1Size    = ImageSize - FilterSize + 1 // 24
	Pool1Size    = Conv1Size / 2              // 12
	Pool1Pixels  = Pool1Size * Pool1Size

	Conv2Inputs  = Conv1Outputs
	Conv2Outputs = 50
	Conv2Size    = Pool1Size - FilterSize + 1 // 8
	Pool2Size    = Conv2Size / 2              // 4
	Pool2Pixels  = Pool2Size * Pool2Size

	FC1Inputs  = Conv2Outputs * Pool2Pixels // 800
	FC1Outputs = 500
	FC2Inputs  = FC1Outputs
	Classes    = 10

	// Parameters is the number of weights and biases, 431080.
	Parameters = Conv1Outputs*(Taps+1) + Conv2Outputs*(Conv2Inputs*Taps+1) + FC1Outputs*(FC1Inputs+1) + Classes*(FC2Inputs+1)
)

// Sizes of Winograd's algorithm F(4×4, 5×5).
const (
	Points      = 8 // inputs of a tile, and products, in one dimension
	Frequencies = Points * Points
	TileSize    = 4 // outputs of a tile in a row and in a column

	Conv1TilesInRow = Conv1Size / TileSize
	Conv1Tiles      = Conv1TilesInRow * Conv1TilesInRow
	Conv2TilesInRow = Conv2Size / TileSize
	Conv2Tiles      = Conv2TilesInRow * Conv2TilesInRow
)

// Floating-point operations of the layers, an image, by their dense algorithms.
const (
	Conv1FLOPs = 2 * Conv1Outputs * Conv1Size * Conv1Size * Taps
	Conv2FLOPs = 2 * Conv2Outputs * Conv2Size * Conv2Size * Conv2Inputs * Taps
	FC1FLOPs   = 2 * FC1Inputs * FC1Outputs
	FC2FLOPs   = 2 * FC2Inputs * Classes
)

// MaskBytes is the size of the masks of features pooling windows of images
// side by side: alive, right, down, one bit an image each.
func MaskBytes(features, images int) int { return features * 3 * images / 8 }

// Conv1Row is the length of a row of conv1's weights, its 20 outputs and four
// zeros.
const Conv1Row = 24

// Lengths of conv1's arrays; those of activations count lines.
const (
	Conv1Y  = Conv1Outputs * Pool1Pixels // [20][12][12]
	Conv1W  = Taps * Conv1Row            // [25][24], no lines
	Conv1U  = Frequencies * Conv1Row     // [64][24], no lines
	Conv1WB = Conv1W + Conv1Row          // [26][24]: the weights and, as a last row, the bias
)

// Lengths of conv2's arrays; those of activations count lines.
const (
	Conv2X      = Conv2Inputs * Pool1Pixels                // [20][12][12]
	Conv2Y      = Conv2Outputs * Pool2Pixels               // [50][4][4]
	Conv2W      = Taps * Conv2Outputs * Conv2Inputs        // [25][50][20], no lines
	Conv2U      = Frequencies * Conv2Outputs * Conv2Inputs // [64][50][20], no lines
	Conv2DV     = Conv2Inputs * Frequencies * Conv2Tiles   // [20][64][4]
	Conv2Group  = 5                                        // channels that one call of a product kernel computes
	Conv2Groups = Conv2Outputs / Conv2Group                // of outputs
	Conv2Pairs  = Points / 2                               // of rows of frequencies

	// Conv2Padding is the number of unused values after each frequency of v and
	// dm. A transform stores to many frequencies in turn, and without them these
	// stores would fall into a few of the 64 sets of the L1 cache.
	Conv2Padding = 16
)

// Conv2Work is the number of float32 of working memory that conv2's kernels need
// for blocks of images, and its weight gradient for a batch of MaxImages.
var Conv2Work = max(Conv2ForwardWork(Block), Conv2InputGradWork(Block), Conv2WeightGradWork(MaxImages))

// Conv2ForwardWork is the length of the products of five outputs, [5][64][4].
func Conv2ForwardWork(images int) int { return Conv2Group * Frequencies * Conv2Tiles * images }

// Conv2InputGradWork is the length of dm for all outputs and of dv.
func Conv2InputGradWork(images int) int { return Conv2Groups*Conv2M(images) + Conv2DV*images }

// Conv2WeightGradWork is the length of dm for five outputs of a batch.
func Conv2WeightGradWork(images int) int { return Conv2M(images) }

// Conv2WeightTasks is the number of tasks of conv2's weight gradient: pairs of
// rows of frequencies times groups of outputs.
const Conv2WeightTasks = Conv2Pairs * Conv2Groups

// Conv2V is the number of values of v [64][20][4] for images, a block or, as a
// row of blocks and perhaps a half-block, a batch.
func Conv2V(images int) int {
	return Frequencies * (Conv2Inputs*Conv2Tiles*images + blocks(images)*Conv2Padding)
}

// Conv2M is the number of values of dm [2 rows of frequencies][8][5][4] for
// images, a block or a row of blocks.
func Conv2M(images int) int {
	return 2 * Points * (Conv2Group*Conv2Tiles*images + blocks(images)*Conv2Padding)
}

func blocks(images int) int { return (images + Block - 1) / Block }

// Layout of fc1's weights and packed inputs, and of the lists of its outputs'
// gradients that are not zero: fixed rows of values and of indices, as in the
// ELLPACK form of a sparse matrix.
const (
	FC1Slice  = 80                   // inputs that a kernel works on at a time
	FC1Slices = FC1Inputs / FC1Slice // 10
	FC1W      = FC1Slices * FC1Outputs * FC1Slice

	FC1ForwardGroup  = 100 // outputs that one call of the forward kernel computes
	FC1DropoutGroup  = 16  // and of the one with dropout; the last call computes four
	FC1DropoutGroups = (FC1Outputs + FC1DropoutGroup - 1) / FC1DropoutGroup

	FC1SlicePairs = FC1Slices / 2 // that one call of the input gradient computes

	FC1Run        = 48                // outputs whose weights of two slices stay in L1 together: 30 KB
	FC1Runs       = 11                // the last of 20 outputs
	FC1ImageList  = 512               // entries reserved for the list of an image
	FC1OutputList = MaxImages + Block // entries reserved for the list of an output
)

// FC2W is the length of fc2's weights, [10][500].
const FC2W = Classes * FC2Inputs

// Lengths of the arrays of one image's forward pass.
const (
	SingleConv2Chunk   = 16  // outputs of conv2 whose weights lie together
	SingleConv2Outputs = 56  // of conv2, padded: three chunks and half a one
	SingleFC1Chunk     = 128 // outputs of fc1 whose weights lie together

	SingleConv1Y = Pool1Pixels * Conv1Row                         // [12][12][24]
	SingleConv2V = Frequencies * Conv2Tiles * Conv1Row            // [64][4][24]
	SingleConv2U = Frequencies * Conv2Inputs * SingleConv2Outputs // [3][64][20][16], [64][20][8]
	SingleConv2M = Frequencies * Conv2Tiles * SingleConv2Chunk    // [64][4][16]
	SingleFC1Y   = 512                                            // [500] and padding
	SingleFC1W   = FC1Inputs * SingleFC1Y                         // [4][800][128]
	SingleFC2W   = SingleFC1Y * SingleLogits                      // [512][16]
	SingleLogits = 16                                             // [10] and padding

	// SingleList is the length of a list of values and of their indices; the
	// kernels read entries that lie a little behind the last one.
	SingleList = FC1Inputs + 32
)

// MomentFloor is the absolute value below which a moment of Adam becomes 0,
// before it can turn into a denormal, which is slow.
const MomentFloor = 1e-30

// Constants of dropout's hash: the finaliser of MurmurHash3 (Appleby, public
// domain) over the image's key XOR (unit+1)·2³²/φ.
const (
	HashUnit    = 0x9e3779b9 // 2³² divided by the golden ratio
	HashFactor1 = 0x85ebca6b
	HashFactor2 = 0xc2b2ae35
)

// Sizes of the ceilings.
const (
	PeakProducts = 48  // fused multiply-adds of whole vectors in an iteration
	PeakSink     = 16  // values of the sum
	PeakSource   = 192 // values of the factor in memory
	ReadStep     = 256 // what is read is a multiple of it
)
