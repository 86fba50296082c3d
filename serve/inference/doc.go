// Package inference holds the messages and the gRPC service of the Open
// Inference Protocol, version 2, as protoc generates them from inference.proto.
// Clients in Go use it to ask a server of package serve, or kernelet serve --grpc.
//
// The model's input is named image: UINT8 [n, 784], 0 background and 255 ink, or
// FP32 [n, 784] from 0 to 1; [n, 28, 28] and [n, 1, 28, 28] do too. Its outputs
// are logits and probabilities, FP32 [n, 10], and digits, INT64 [n]. Answers are
// raw, little-endian bytes where the request was.
package inference

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative inference.proto
