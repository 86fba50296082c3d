package kernels

// Images side by side in a line.
const (
	HalfBlock = 8
	Block     = 16
)

// Sizes of the network.
const (
	ImageSize   = 28 // pixels in a row and in a column
	ImagePixels = ImageSize * ImageSize
	Window      = 5 // taps in a row and in a column of both convolutions
	Taps        = Window * Window

	Conv1Outputs = 20
	Conv1Size    = ImageSize - Window + 1 // 24
	Pool1Size    = Conv1Size / 2          // 12
	Pool1Pixels  = Pool1Size * Pool1Size

	Conv2Inputs  = Conv1Outputs
	Conv2Outputs = 50
	Conv2Size    = Pool1Size - Window + 1 // 8
	Pool2Size    = Conv2Size / 2          // 4
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
	Points      = 8
	Frequencies = Points * Points
	TileSize    = 4 // outputs of a tile in a row and in a column
	Conv1Tiles  = (Conv1Size / TileSize) * (Conv1Size / TileSize)
	Conv2Tiles  = (Conv2Size / TileSize) * (Conv2Size / TileSize)
	Group       = 5 // channels that one call of a product kernel computes
)

// Layout of fc1's weights, of its packed inputs and of the lists of its
// outputs' gradients that are not zero.
const (
	FC1Slice   = 80                   // inputs that a kernel works on at a time
	FC1Slices  = FC1Inputs / FC1Slice // 10
	FC1W       = FC1Slices * FC1Outputs * FC1Slice
	LiveRun    = 48                // outputs whose weights stay in L1 together
	LiveRuns   = 11                // of 48 outputs, the last of 20
	LiveRow    = 512               // entries reserved for the list of an image
	MaxImages  = 128               // images of a batch that are worked on together
	LiveColumn = MaxImages + Block // entries reserved for the list of an output
)

// Conv1Row is the length of a row of conv1's weights, its 20 outputs and four
// zeros: weights lie as [25 taps][24], transformed weights as [64][24].
const Conv1Row = 24

// MaskBytes is the size of the masks of features pooling windows of images
// side by side: alive, right, down, one bit an image each.
func MaskBytes(features, images int) int { return features * 3 * images / 8 }
