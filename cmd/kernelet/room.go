package main

import (
	"errors"
	"math/rand/v2"
	"os"

	"github.com/kernelet/kernelet/internal/shape"
)

// resultBytes is more than what a training writes to its folder when it ends:
// the model, a checkpoint of weights, two moments and their mean, and three
// megabytes for history, pictures and report.
const resultBytes = 5*4*shape.Parameters + 3<<20

// pageBytes is more than a page that bench writes.
const pageBytes = 1 << 20

// room is space on a disk that nobody else can take.
type room struct{ file *os.File }

// makeRoom takes space in a folder, or says why it cannot be had, before hours
// of training end with it. The file has no name, so it goes with the process,
// however that ends.
func makeRoom(folder string, bytes int) (*room, error) {
	file, err := os.CreateTemp(folder, "."+probeFile+".*.tmp") // a name that sweep knows
	if err != nil {
		return nil, err
	}
	r := &room{file}
	// Random, because some file systems compress.
	content := make([]byte, bytes)
	rand.NewChaCha8([32]byte{}).Read(content)
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if os.Remove(file.Name()) != nil {
		// A system that cannot remove open files keeps no room.
		r.release()
		r.file = nil
		err = errors.Join(err, os.Remove(file.Name()))
	}
	if err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// release gives the space back.
func (r *room) release() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}
