// Package serve answers requests for digits over the network: the Open
// Inference Protocol, version 2, over HTTP (JSON and binary tensors) and gRPC,
// a plain endpoint for pictures, and a page to draw on, to watch the network
// learn and to measure the CPU.
//
// A Server is an http.Handler, to be mounted wherever a program has one, and
// registers itself with a gRPC server by Register. Serve opens the listeners
// itself, with time limits, and shuts down without losing a request.
//
//	model, err := pretrained.Model()
//	server, err := serve.New(serve.Options{Model: model})
//	defer server.Close()
//	http.Handle("/digits/", http.StripPrefix("/digits", server))
//
// # Paths
//
//	GET  /                                the page
//	POST /v1/digits                       pictures in, digits out
//	GET  /v1/models                       the models and their hashes
//	GET  /v2, /v2/health/live, /v2/health/ready
//	GET  /v2/models/NAME, /v2/models/NAME/ready
//	POST /v2/models/NAME/infer            also with /versions/1
//	POST /v2/repository/index
//	GET  /healthz, /metrics
//	     /v1/training, /v1/measurement    what the page uses; only if allowed
//
// # Limits
//
// Limits bound what requests may cost, whatever comes: a body, the images of a
// request, the pixels of a picture, and the memory of all requests together.
// What is beyond them is refused at once, with a status and a text that say so.
package serve
