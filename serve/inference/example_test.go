package inference_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
	"github.com/kernelet/kernelet/serve"
	"github.com/kernelet/kernelet/serve/inference"
)

// A client in Go, and a server for it to ask: two digits as bytes, row by row,
// and only their classes as answer.
func Example() {
	address, stop := startServer()
	defer stop()

	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	client := inference.NewGRPCInferenceServiceClient(connection)
	digits := mnist.Synthetic(2, 1)
	answer, err := client.ModelInfer(context.Background(), &inference.ModelInferRequest{
		ModelName: "lenet",
		Inputs: []*inference.ModelInferRequest_InferInputTensor{
			{Name: "image", Datatype: "UINT8", Shape: []int64{2, 784}},
		},
		RawInputContents: [][]byte{digits.Images},
		Outputs:          []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "digits"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for i, label := range digits.Labels {
		read := binary.LittleEndian.Uint64(answer.GetRawOutputContents()[0][8*i:]) // INT64
		fmt.Println("drawn as", label, "read as", read)
	}
	// Output:
	// drawn as 7 read as 7
	// drawn as 0 read as 0
}

// startServer serves kernelet's own model, as kernelet serve does.
func startServer() (address string, stop func()) {
	model, err := pretrained.Model()
	if err != nil {
		log.Fatal(err)
	}
	server, err := serve.New(serve.Options{Model: model})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- server.Serve(ctx, serve.Listen{GRPC: "127.0.0.1:0", Started: func(_, rpc net.Addr) { listening <- rpc }})
	}()
	select {
	case a := <-listening:
		address = a.String()
	case err := <-ended:
		log.Fatal(err)
	}
	return address, func() {
		cancel()
		if err := <-ended; err != nil {
			log.Print(err)
		}
		server.Close()
	}
}
