// Package inference holds the messages and the gRPC service of the Open
// Inference Protocol, version 2, as protoc generates them from inference.proto.
package inference

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative inference.proto
