package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// standardInput is the path that means standard input.
const standardInput = "-"

// pictureExtensions are the names' ends by which pictures in a folder are found.
var pictureExtensions = []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}

// picturePaths resolves what the command line names: files, standard input,
// folders, whose pictures count with those of their folders, and patterns that
// no shell expanded. A file that is missing is listed, to fail by itself.
func picturePaths(arguments []string) ([]string, error) {
	var paths []string
	for _, argument := range arguments {
		info, err := os.Stat(argument)
		switch {
		case argument == standardInput:
			paths = append(paths, argument)
		case err == nil && info.IsDir():
			found := 0
			root := argument + string(filepath.Separator) // so that a link to a folder is followed
			err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				if !entry.IsDir() && slices.Contains(pictureExtensions, strings.ToLower(filepath.Ext(path))) {
					paths = append(paths, path)
					found++
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			if found == 0 {
				return nil, fmt.Errorf("%s: expected pictures (%s), got none", argument, strings.Join(pictureExtensions, " "))
			}
		case err != nil && strings.ContainsAny(argument, "*?["):
			matches, err := filepath.Glob(argument)
			if err != nil {
				return nil, usageError{fmt.Errorf("%s: %w", argument, err)}
			}
			if len(matches) == 0 {
				return nil, fmt.Errorf("%s: expected files of this pattern, got none", argument)
			}
			paths = append(paths, matches...)
		default:
			paths = append(paths, argument)
		}
	}
	return paths, nil
}
