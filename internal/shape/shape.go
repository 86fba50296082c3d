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

// Sizes of Toom and Cook's algorithm F(8×8, 5×5), with which conv2 is trained: a
// tile is a channel.
const (
	ToomPoints      = 12                                  // inputs of a tile, and values, in one dimension
	ToomReal        = 10                                  // values whose point is real
	ToomFrequencies = ToomPoints * ToomPoints             // real values of a tile
	ToomSingles     = ToomReal * ToomReal                 // frequencies that are real
	ToomPairs       = (ToomFrequencies - ToomSingles) / 2 // complex frequencies, of two values
	ToomProducts    = ToomSingles + 4*ToomPairs           // real products
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
	Conv2X     = Conv2Inputs * Pool1Pixels                // [20][12][12]
	Conv2Y     = Conv2Outputs * Pool2Pixels               // [50][4][4]
	Conv2W     = Taps * Conv2Outputs * Conv2Inputs        // [25][50][20], no lines
	Conv2U     = Frequencies * Conv2Outputs * Conv2Inputs // [64][50][20], no lines
	Conv2Group = 5                                        // outputs that one call of the forward kernel computes

	Conv2TrainU = ToomFrequencies * Conv2Outputs * Conv2Inputs // [144][50][20], no lines

	// Channels that one call of a kernel computes in training.
	Conv2TrainGroup = 10
	Conv1GradGroup  = 5

	// Conv2Padding is the number of unused values after each frequency of v and
	// dm and after each channel of m and dv. A transform stores to many frequencies in turn, and
	// without them these stores would fall into a few of the 64 sets of the L1 cache.
	Conv2Padding = 16
)

// Tasks of conv2's weight gradient in training: real frequencies, complex ones, and the bias.
const (
	Conv2WeightSingles     = 5 // frequencies of a task
	Conv2WeightPairs       = 2
	Conv2WeightSingleTasks = ToomSingles / Conv2WeightSingles
	Conv2WeightPairTasks   = ToomPairs / Conv2WeightPairs
	Conv2WeightTasks       = Conv2WeightSingleTasks + Conv2WeightPairTasks + 1
)

// Conv2TrainWork is the number of float32 of working memory that conv2's kernels
// need for a block in training.
var Conv2TrainWork = max(Conv2TrainForwardWork(Block), Conv2InputGradWork(Block))

// Conv2ForwardWork is the length of the products of five outputs, [5][64][4].
func Conv2ForwardWork(images int) int { return Conv2Group * Frequencies * Conv2Tiles * images }

// Conv2V is the number of values of v [64][20][4] for images, a block or a
// half-block.
func Conv2V(images int) int {
	return Frequencies * (Conv2Inputs*Conv2Tiles*images + Conv2Padding)
}

// Conv2TrainForwardWork is the length of the products of ten outputs, m [10][144].
func Conv2TrainForwardWork(images int) int {
	return Conv2TrainGroup * (ToomFrequencies*images + Conv2Padding)
}

// Conv2InputGradWork is the length of dv [20][144].
func Conv2InputGradWork(images int) int {
	return Conv2Inputs * (ToomFrequencies*images + Conv2Padding)
}

// Conv2TrainV is the number of values of v [144][20] for images, a block or, as a
// row of blocks and perhaps a half-block, a batch.
func Conv2TrainV(images int) int {
	return ToomFrequencies * (Conv2Inputs*images + blocks(images)*Conv2Padding)
}

// Conv2DM is the number of values of dm [144][50] for images, like Conv2TrainV.
func Conv2DM(images int) int {
	return ToomFrequencies * (Conv2Outputs*images + blocks(images)*Conv2Padding)
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

	FC1SlicePair  = 2 // slices that one call of packing or of the input gradient takes
	FC1SlicePairs = FC1Slices / FC1SlicePair

	FC1Run        = 48                // outputs whose weights of two slices stay in L1 together: 30 KB
	FC1Runs       = 11                // the last of 20 outputs
	FC1ImageList  = 512               // entries reserved for the list of an image's outputs
	FC1InputRun   = 64                // inputs whose weights for 128 outputs stay in L1 together: 32 KB
	FC1InputRuns  = 13                // the last of 32 inputs
	FC1InputList  = FC1Inputs + Block // and of its inputs
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
