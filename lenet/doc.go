// Package lenet trains one network and reads digits with it: LeNet, two
// convolutions and two dense layers with 431,080 parameters, on images of 28×28
// bytes as MNIST has them, 0 for background and 255 for ink. Nothing about the
// network can be changed; that is where the speed comes from.
//
// It has four types that matter:
//
//   - [Model] holds the parameters in PyTorch's names, order and layout. It is
//     made by [NewModel] with random values, or read by [Load] from a safetensors
//     file, and has [Model.Save] and [Model.SHA256].
//   - [Settings] say how to train. [Tutorial], [Fast] and [Best] return those of
//     the recipes; the zero value of almost every field is the tutorial's.
//   - [Trainer] trains a copy of a Model, by epochs with [Trainer.Epoch] and
//     [Trainer.Epochs] or by single batches with [Trainer.Step]. It belongs to one
//     goroutine, has workers and memory of its own, and must be closed.
//     [Trainer.Checkpoint] and [Resume] carry it over a restart.
//   - [Classifier] is a Model packed for reading: [Classifier.Classify] for one
//     image, [Classifier.ClassifyBatch] and [Classifier.Logits] for many. Any
//     number of goroutines may share one, and it needs no closing.
//
// Package mnist, beside this one, fetches the data and brings pictures to the
// right form; lenet/pretrained has a trained Model.
//
// # Promises
//
// Settings, initial weights and data fix the trained weights to the last bit:
// neither the number of threads, nor AVX2 or AVX-512, nor an interruption and a
// resumption changes them. An image's logits are the same bits alone and among
// others, on any number of threads, and on AVX2 and AVX-512. Plain Go, which
// computes where a machine has neither or KERNELET_ISA=generic says so, keeps
// both promises among its own results, but rounds differently in the last bits.
//
// Once a Trainer or a Classifier has run for a while, it allocates nothing and
// starts no goroutine. Its helpers sleep while nobody calls, and end after a
// tenth of a second.
//
// Files appear whole or not at all, even if the machine stops. What is read is
// checked: no content of a file, no image and no setting makes this package
// panic. Errors wrap one of [ErrModel], [ErrCheckpoint], [ErrSettings],
// [ErrData], [ErrLength], [ErrNotFinite], [ErrClosed] and [ErrISA], and say what
// was expected and what was found.
package lenet
