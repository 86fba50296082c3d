package main

import (
	"reflect"

	"github.com/alecthomas/kong"
)

// stringArgument takes an argument as it is. Kong's own mapper passes it through
// JSON, which replaces the bytes of names that are not UTF-8.
func stringArgument(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	target.SetString(token.String())
	return nil
}
